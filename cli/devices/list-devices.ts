import { UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import { countDevices, loadDevices, type ListedDevice } from '../../platform/postgres/device-directory.ts';
import { formatTable } from '../output/table.ts';
import { tellAside, tellResult, type OutputOptions } from '../output/tell.ts';
import { withStores } from '../stores/with-stores.ts';

const MOST_LISTED = 100_000;

interface ListOptions extends OutputOptions {
  readonly zone?: string;
  readonly tag?: string;
  readonly disabled?: boolean;
  readonly after?: string;
  readonly limit: string;
}

export async function listDevices(options: ListOptions): Promise<void> {
  const { zone, tag, disabled, after } = options;
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_LISTED) {
    throw new UsageFailure(`--limit is from 1 to ${MOST_LISTED}`);
  }
  const { devices, total } = await withStores(async ({ database }) => ({
    devices: await loadDevices(database, { zone, tag, disabled, after, limit }),
    total: await countDevices(database),
  }));
  tellResult(options, { total, devices }, devices.length === 0 ? ['no such device'] : format(devices));
  if (options.json !== true && devices.length === limit) {
    tellAside(`there may be more: --after ${devices.at(-1)?.device ?? ''}, or --limit`);
  }
}

function format(devices: readonly ListedDevice[]): readonly string[] {
  const rows = devices.map(({ device, disabled, status, lat, lon, site, zones, tags, heard_at: heardAt }) => [
    device,
    disabled ? 'disabled' : status,
    lat === null || lon === null ? '' : `${lat.toFixed(4)},${lon.toFixed(4)}`,
    heardAt?.replace(/\.\d+Z$/, 'Z') ?? 'never',
    site ?? '',
    zones.join(' '),
    tags.join(' '),
  ]);
  return formatTable(['device', 'status', 'position', 'heard', 'site', 'zones', 'tags'], rows);
}
