import ipaddr from 'ipaddr.js';
import { UsageFailure } from '../../platform/lifecycle/command-failure.ts';

/** Wider ones are asked for by mistake more often than on purpose. */
const WIDEST_BITS = { ipv4: 8, ipv6: 16 } as const;
/** What one IPv6 sender counts as. */
const IPV6_SENDER_BITS = 64;

export interface Network {
  /** As PostgreSQL writes a cidr: `192.0.2.7/32`, `2001:db8::/64`. */
  readonly text: string;
  readonly address: ipaddr.IPv4 | ipaddr.IPv6;
  readonly bits: number;
}

/** An address or a network, in the one way that it is written. */
export function parseNetworkOption(text: string): Network {
  const [addressText = '', bitsText, ...rest] = text.split('/');
  if (rest.length > 0 || addressText.includes('%')) throw notANetwork(text);
  const isIpv4 = ipaddr.IPv4.isValidFourPartDecimal(addressText);
  if (!isIpv4 && !ipaddr.IPv6.isValid(addressText)) throw notANetwork(text);
  const address = isIpv4 ? ipaddr.IPv4.parse(addressText) : ipaddr.IPv6.parse(addressText);
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()) {
    throw new UsageFailure(
      `${text} is an IPv4 address that is written as IPv6: write ${address.toIPv4Address().toString()}`,
    );
  }
  const all = isIpv4 ? 32 : 128;
  if (bitsText !== undefined && !/^(0|[1-9][0-9]{0,2})$/.test(bitsText)) throw notANetwork(text);
  const bits = bitsText === undefined ? all : Number(bitsText);
  if (bits > all) throw notANetwork(text);
  const network = networkOf(address, bits);
  const canonical = `${network.toString()}/${bits}`;
  if (!isIpv4 && bits > IPV6_SENDER_BITS) {
    const sender = networkOf(address, IPV6_SENDER_BITS).toString();
    throw new UsageFailure(`all addresses of an IPv6 /64 count as one sender: write ${sender}/${IPV6_SENDER_BITS}`);
  }
  if (network.toString() !== address.toString()) {
    throw new UsageFailure(`${text} has bits beyond its prefix: did you mean ${canonical}?`);
  }
  return { text: canonical, address: network, bits };
}

export function isWide({ address, bits }: Network): boolean {
  return bits < WIDEST_BITS[address.kind()];
}

/** @param source an IPv4 address, or the /64 of an IPv6 address */
export function contains({ address, bits }: Network, source: string): boolean {
  const [text = ''] = source.split('/');
  if (!ipaddr.isValid(text)) return false;
  const other = ipaddr.parse(text);
  return other.kind() === address.kind() && other.match(address, bits);
}

function networkOf(address: ipaddr.IPv4 | ipaddr.IPv6, bits: number): ipaddr.IPv4 | ipaddr.IPv6 {
  const bytes = address.toByteArray().map((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - index * 8));
    return byte & (0xff << (8 - kept)) & 0xff;
  });
  return ipaddr.fromByteArray(bytes);
}

function notANetwork(text: string): Error {
  return new UsageFailure(`${text} is no address or network, such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/64`);
}
