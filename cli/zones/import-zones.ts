import { parseZoneCollection } from '../../core/geo/zone-collection.ts';
import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';
import { InvalidZones, ZoneStore } from '../../platform/postgres/zone-store.ts';
import { readTextFile } from '../options/read-text-file.ts';
import { counted } from '../output/counted.ts';
import { tellDone, type OutputOptions } from '../output/tell.ts';
import { untilProjected, withStores } from '../stores/with-stores.ts';

export async function importZones(file: string, options: OutputOptions): Promise<void> {
  const zones = parseZoneCollection(parseJson(readTextFile(file), file));
  if (!zones.ok) throw refusal(file, zones.error);
  await withStores(async ({ database, redisUrl }) => {
    try {
      await untilProjected(redisUrl, await new ZoneStore(database).write(zones.value));
    } catch (error) {
      throw error instanceof InvalidZones ? refusal(file, error.problems) : error;
    }
  });
  const ids = zones.value.map(({ id }) => id);
  tellDone(options, { imported: ids }, `${counted(ids.length, 'zone')} imported`);
}

function refusal(file: string, problems: readonly string[]): CommandFailure {
  return new CommandFailure(`${file}: nothing is imported\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandFailure(`${file} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
