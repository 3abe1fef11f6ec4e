import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { enlistReplayFleet, enlistScenarioFleet } from '../fleet/enlist-fleet.ts';
import { formatManifest } from '../fleet/manifest.ts';
import type { ManifestOptions } from './option-values.ts';

/** Makes what is missing of the fleet and writes what an operator needs to register it. */
export async function writeManifest({
  devices: deviceCount,
  replay,
  fleet: folder,
  seed,
  scenario,
  attack,
  out,
}: ManifestOptions) {
  const { fleet, devices, reserved } =
    replay === undefined
      ? enlistScenarioFleet({ folder, deviceCount, seed, scenario, attack })
      : await enlistReplayFleet({ folder, path: replay, attack });
  try {
    const manifest = formatManifest([...devices, ...reserved]);
    if (out === undefined) {
      process.stdout.write(manifest);
      return;
    }
    mkdirSync(dirname(out), { recursive: true });
    // It holds the API keys.
    writeFileSync(out, manifest, { mode: 0o600 });
  } finally {
    fleet[Symbol.dispose]();
  }
}
