/** First host numbers, from 127.1.0.1, so that nobody gets 127.0.0.1 and no attacker the address of a device. */
const FIRST_HOSTS = { device: 0x010001, attacker: 0x020001, victim: 0x030001 } as const;
export type AddressRole = keyof typeof FIRST_HOSTS;
/** As many hosts as stay clear of the broadcast address of 127.0.0.0/8. */
export const MAX_LOCAL_ADDRESSES = 65_000;

/** The sender's own address in 127.0.0.0/8, all of which belongs to this machine on Linux. */
export function localAddressOf(index: number, role: AddressRole = 'device'): string {
  const host = FIRST_HOSTS[role] + index;
  return `127.${(host >>> 16) & 255}.${(host >>> 8) & 255}.${host & 255}`;
}

/** Only an IPv4 loopback target can be reached from there; other systems than Linux own 127.0.0.1 alone. */
export function canBindLocalAddress(target: URL, platform: NodeJS.Platform): boolean {
  return platform === 'linux' && (target.hostname === 'localhost' || /^127(\.[0-9]+){3}$/.test(target.hostname));
}
