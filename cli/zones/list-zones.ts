import { ZoneStore } from '../../platform/postgres/zone-store.ts';
import { formatTable } from '../output/table.ts';
import { tellResult, type OutputOptions } from '../output/tell.ts';
import { withStores } from '../stores/with-stores.ts';

export async function listZones(options: OutputOptions): Promise<void> {
  const zones = await withStores(({ database }) => new ZoneStore(database).list());
  const rows = zones.map(({ zone, name, area_km2: area, positions, devices, bbox }) => [
    zone,
    name,
    `${area} km2`,
    String(positions),
    String(devices),
    bbox.map((degrees) => degrees.toFixed(3)).join(','),
  ]);
  const heads = ['zone', 'name', 'area', 'positions', 'devices', 'west,south,east,north'];
  tellResult(options, { zones }, zones.length === 0 ? ['no zones'] : formatTable(heads, rows));
}
