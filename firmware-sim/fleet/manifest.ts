import type { FleetDevice } from './fleet-device.ts';

/** What an operator registers: no private key; the registry keeps only a hash of the API key. */
export function formatManifest(devices: readonly FleetDevice[]): string {
  const manifest = {
    devices: devices.map(({ id, site, owner, lat, lon, api_key, key }) => ({
      id,
      class: 'fixed',
      // Nobody has to act on what is simulated.
      status: 'Exercise',
      ...{ site, owner, lat, lon, api_key },
      keys: [{ id: key.id, public_key: uncompressedPoint(key.private_key).toString('base64url') }],
    })),
  };
  return `${JSON.stringify(manifest, undefined, 1)}\n`;
}

/** SEC 1: 0x04 and both coordinates, 65 bytes. */
function uncompressedPoint({ x, y }: { readonly x: string; readonly y: string }): Buffer {
  return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}
