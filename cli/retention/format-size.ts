const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** In powers of ten. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power] ?? ''}`;
}

/** UTC. */
export function isoDay(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 10);
}
