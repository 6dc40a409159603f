import { ToolError } from './error.ts';

/** Options as names with JSON values, as the interface has them. A value that is undefined is left out. */
export function optionPairs(options: Readonly<Record<string, unknown>>): [string, string][] {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return given.map(([name, value]) => [name, jsonOf(name, value)]);
}

function jsonOf(name: string, value: unknown): string {
  let problem = `its type is ${typeof value}`;
  try {
    const json: string | undefined = JSON.stringify(value);
    if (json !== undefined) {
      return json;
    }
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  throw new ToolError('InvalidRequest', `option \`${name}\` cannot be written as JSON: ${problem}`);
}
