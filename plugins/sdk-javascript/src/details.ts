/** Names with strings. A host may add names at any time: look up those that you know, and ignore the rest. */
export type Details = Readonly<Record<string, string>>;

/** The details as an object; of a repeated name, the first. */
export function detailsOf(pairs: readonly [string, string][]): Details {
  return Object.fromEntries(pairs.toReversed());
}

/** The details as the interface has them. */
export function pairsOf(details: Details): [string, string][] {
  return Object.entries(details).map(([name, text]) => [name, String(text)]);
}

/** The details without those of these names. */
export function without(details: Details, names: readonly string[]): Details {
  return Object.fromEntries(Object.entries(details).filter(([name]) => !names.includes(name)));
}

/** The detail as a whole number; undefined if it is absent or not a number. */
export function numberOf(details: Details, name: string): number | undefined {
  const text = details[name];
  const number = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isSafeInteger(number) ? number : undefined;
}
