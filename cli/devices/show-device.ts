import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';
import { loadDevice, type KnownDevice } from '../../platform/postgres/device-directory.ts';
import { formatTable } from '../output/table.ts';
import { tellResult, type OutputOptions } from '../output/tell.ts';
import { withStores } from '../stores/with-stores.ts';

export async function showDevice(deviceId: string, options: OutputOptions): Promise<void> {
  const device = await withStores(({ database }) => loadDevice(database, deviceId));
  if (device === undefined) {
    throw new CommandFailure(`there is no device ${deviceId}: "telltale devices list" has them`);
  }
  tellResult(options, device, format(device));
}

function format(device: KnownDevice): readonly string[] {
  const { lat, lon, clock_offset_ms: offsetMs } = device;
  const facts = [
    ['device', device.device],
    ['class', device.class],
    ['status', device.disabled ? `${device.status}, disabled` : device.status],
    ['position', lat === null || lon === null ? '-' : `${lat}, ${lon}`],
    ['site', device.site ?? '-'],
    ['owner', device.owner ?? '-'],
    ['zones', device.zones.join(' ') || '-'],
    ['tags', device.tags.join(' ') || '-'],
    ['heard', device.heard_at ?? 'never'],
    ['clock', offsetMs === null ? '-' : `${offsetMs} ms behind ours`],
  ];
  const keys = [
    ...device.keys.map((key) => ['device key', key.id, standing(key), key.not_after ?? '', key.created_at]),
    ...device.api_keys.map((key) => ['API key', key.id, standing(key), key.not_after ?? '', key.created_at]),
  ];
  const metrics = device.metrics.map(({ metric, unit, time, value }) => [
    metric,
    value === null ? '' : String(value),
    unit ?? '',
    time ?? '',
  ]);
  return [
    ...facts.map(([name = '', value = '']) => `${name.padEnd(10)}${value}`),
    '',
    ...formatTable(['key', 'id', 'is', 'until', 'since'], keys),
    ...(metrics.length === 0 ? [] : ['', ...formatTable(['metric', 'newest', 'unit', 'time'], metrics)]),
  ];
}

function standing(key: KnownDevice['api_keys'][number]): string {
  const now = new Date().toISOString();
  if (key.revoked_at !== null && key.revoked_at <= now) return 'revoked';
  if (key.not_after !== null && key.not_after < now) return 'expired';
  if (key.not_before !== null && key.not_before > now) return 'not yet valid';
  return 'active';
}
