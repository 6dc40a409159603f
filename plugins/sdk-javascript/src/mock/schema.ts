import { Ajv2020 } from 'ajv/dist/2020.js';

import { ToolError } from '../error.ts';
import { jsonSchemaOf, type Schema } from '../tool.ts';

/** Refuses a configuration that the schema of its tool does not accept, as a host does before it calls the tool. */
export function checkConfig(schema: Schema, config: unknown): void {
  // A host ignores unknown keywords, and treats formats as comments, as the draft says.
  const validator = new Ajv2020({ strict: false, validateFormats: false, addUsedSchema: false });
  const json = jsonSchemaOf(schema);
  const validate = validator.compile(json as object | boolean);
  if (validate(config)) {
    return;
  }
  const [error] = validate.errors ?? [];
  const field = (error?.instancePath ?? '').slice(1).replaceAll('/', '.');
  const unknown = error?.params?.additionalProperty;
  const message =
    unknown === undefined
      ? `invalid configuration: ${field === '' ? 'it' : `\`${field}\``} ${error?.message}`
      : `invalid configuration: unknown key \`${unknown}\``;
  throw new ToolError('InvalidRequest', message, field === '' ? {} : { field });
}
