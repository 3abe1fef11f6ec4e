import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = [Address, number];

/** What one source counts as: IPv6 networks hand out whole /64s, so a single address of one is no identity. */
const IPV6_PREFIX_BITS = 64;

/** Undefined when the text is no address or network, such as `10.0.0.0/8`, `2001:db8::1`. */
export function parseNetwork(text: string): Range | undefined {
  const withBits = text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`;
  return ipaddr.isValidCIDR(withBits) ? ipaddr.parseCIDR(withBits) : undefined;
}

export function isInNetworks(address: Address, networks: readonly Range[]): boolean {
  return networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}

const MAX_KNOWN_PEERS = 10_000;

/** An IPv4 address that is written as IPv6 is the IPv4 address. */
export function parseAddress(text: string): Address | undefined {
  return ipaddr.isValid(text) ? ipaddr.process(text) : undefined;
}

/** The text under which an address is counted: itself for IPv4, its /64 for IPv6. */
export function sourceOf(address: Address): string {
  if (address.kind() === 'ipv4') return address.toString();
  const bytes = address.toByteArray();
  const network = bytes.map((byte, index) => (index < IPV6_PREFIX_BITS / 8 ? byte : 0));
  return `${ipaddr.fromByteArray(network).toString()}/${IPV6_PREFIX_BITS}`;
}

/**
 * Who sent a request: the peer, unless that is a proxy of ours; then the last address in X-Forwarded-For that is not one.
 * What stands before it was written by somebody whom we do not trust.
 */
export class ClientAddress {
  readonly #trusted: readonly Range[];
  readonly #sources = new Map<string, string>();

  constructor(trustedProxies: readonly Range[]) {
    this.#trusted = trustedProxies;
  }

  /** What the sender counts as; undefined for a peer that has no address. */
  sourceOf(peer: string, forwardedFor: string): string | undefined {
    // Without proxies the peer alone decides, and a peer comes again.
    const known = this.#trusted.length === 0 ? this.#sources.get(peer) : undefined;
    if (known !== undefined) return known;
    const address = this.find(peer, forwardedFor);
    if (address === undefined) return undefined;
    const source = sourceOf(address);
    if (this.#trusted.length === 0) {
      if (this.#sources.size >= MAX_KNOWN_PEERS) this.#sources.clear();
      this.#sources.set(peer, source);
    }
    return source;
  }

  find(peer: string, forwardedFor: string): Address | undefined {
    const hops = [...forwardedFor.split(',').map((hop) => hop.trim()), peer];
    let nearest: Address | undefined;
    for (let index = hops.length - 1; index >= 0; index -= 1) {
      const address = parseAddress(hops[index] ?? '');
      if (address === undefined) return nearest;
      nearest = address;
      if (!isInNetworks(address, this.#trusted)) return address;
    }
    return nearest;
  }
}
