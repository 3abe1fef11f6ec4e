export function requireSetting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: the bench of the fan-out starts this`);
  return value;
}
