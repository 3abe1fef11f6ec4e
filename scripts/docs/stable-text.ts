/** What is another each time, and in its place what is always the same. */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z/g, '2026-11-22T10:00:00.000Z'],
  [/\btt_[0-9A-Za-z]{12}_[0-9A-Za-z]{36}\b/g, 'tt_<id>_<secret>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b/g, '3f1c9a52-7b1e-8d04-9c55-0a61f2c4e7b9'],
];

/** @param ports those that were taken, to those that are taken by default */
export function stabilize(text: string, ports: ReadonlyMap<string, string>): string {
  const stable = VOLATILE.reduce((before, [pattern, replacement]) => before.replace(pattern, replacement), text);
  return stable.replace(/(?<=127\.0\.0\.1:)\d+/g, (port) => ports.get(port) ?? port);
}
