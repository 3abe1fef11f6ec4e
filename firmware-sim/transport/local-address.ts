/** The first host number: 127.1.0.1, so that nobody gets 127.0.0.1. */
const FIRST_HOST = 0x010001;
/** As many hosts as stay clear of the broadcast address of 127.0.0.0/8. */
export const MAX_LOCAL_ADDRESSES = 65_000;

/** The device's own address in 127.0.0.0/8, all of which belongs to this machine on Linux. */
export function localAddressOf(deviceIndex: number): string {
  const host = FIRST_HOST + deviceIndex;
  return `127.${(host >>> 16) & 255}.${(host >>> 8) & 255}.${host & 255}`;
}

/** Only an IPv4 loopback target can be reached from there; other systems than Linux own 127.0.0.1 alone. */
export function canBindLocalAddress(target: URL, platform: NodeJS.Platform): boolean {
  return platform === 'linux' && (target.hostname === 'localhost' || /^127(\.[0-9]+){3}$/.test(target.hostname));
}
