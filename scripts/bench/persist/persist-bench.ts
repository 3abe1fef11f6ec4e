import { DEFAULT_SHARD_COUNT } from '../../../contracts/shard.ts';
import { choosePostgres } from '../../postgres/find-postgres.ts';
import { openPrivateCluster } from '../../postgres/private-cluster.ts';
import type { Bench, BenchContext, BenchReport } from '../bench.ts';
import { measureDrain, type DrainMeasurement } from './measure-drain.ts';

const DEVICES = 1000;
const BAR = 0.3;
/** One drain differs from the next by a fifth: the middle one counts, by its ratio to the COPY right after it. */
const ROUNDS = 3;

async function runPersistBench(context: BenchContext): Promise<BenchReport> {
  await using cluster = await openPrivateCluster(choosePostgres(), context.guard);
  const common = { devices: DEVICES, shardCount: DEFAULT_SHARD_COUNT };
  const rounds: DrainMeasurement[] = [];
  while (rounds.length < ROUNDS) {
    context.say(`round ${rounds.length + 1} of ${ROUNDS}`);
    rounds.push(await measureDrain({ ...common, readingsPerEntry: 10, entriesPerDevice: 200 }, cluster, context));
  }
  const packed = middleOf(rounds);
  const single = await measureDrain({ ...common, readingsPerEntry: 1, entriesPerDevice: 400 }, cluster, context);
  const ratio = ratioOf(packed);
  const ratioSingle = ratioOf(single);
  return {
    fields: {
      rows_per_s: Math.round(packed.rowsPerS),
      copy_per_s: Math.round(packed.copyPerS),
      ratio: Number(ratio.toFixed(3)),
      rows_per_s_single: Math.round(single.rowsPerS),
      ratio_single: Number(ratioSingle.toFixed(3)),
    },
    lines: [
      `10 readings an entry   ${Math.round(packed.rowsPerS)} rows/s, ${ratio.toFixed(2)} of COPY (bar ${BAR})`,
      `round by round: ${rounds.map((round) => ratioOf(round).toFixed(3)).join(', ')}`,
      `1 reading an entry     ${Math.round(single.rowsPerS)} rows/s, ${ratioSingle.toFixed(2)} of COPY`,
      `COPY                   ${Math.round(packed.copyPerS)} rows/s into a table without an index`,
    ],
    problems: [
      ...rounds.flatMap((round) => problemsOf('10 readings an entry', round)),
      ...problemsOf('1 reading an entry', single),
      ...(ratio >= BAR ? [] : [`ratio ${ratio.toFixed(3)} is below ${BAR}`]),
    ],
  };
}

const ratioOf = ({ rowsPerS, copyPerS }: DrainMeasurement): number => rowsPerS / copyPerS;

function middleOf(rounds: readonly DrainMeasurement[]): DrainMeasurement {
  const middle = [...rounds].sort((a, b) => ratioOf(a) - ratioOf(b))[Math.floor(rounds.length / 2)];
  if (middle === undefined) throw new Error('no round was measured');
  return middle;
}

function problemsOf(name: string, { rows, stored, rolledUp }: DrainMeasurement): string[] {
  if (stored === rows && rolledUp === rows) return [];
  return [`${name}: ${rows} readings were in the log, ${stored} are stored and ${rolledUp} rolled up`];
}

export const persistBench: Bench = {
  name: 'persist',
  description: 'a full log into the real schema by one worker, against COPY of the same rows',
  run: runPersistBench,
};
