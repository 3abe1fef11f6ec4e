/** What `scripts/test.ts` has prepared for tests that use servers. */
export function requireVariable(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is not set: tests that use servers run through "npm test -- <part of the file name>"`);
  }
  return value;
}
