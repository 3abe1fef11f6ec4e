import type { BlockChange } from '../../contracts/source-block.ts';
import { CommandFailure, UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import { IpBlockStore, type IpBlock } from '../../platform/postgres/ip-block-store.ts';
import { SourceBlocks } from '../../platform/redis/source-blocks.ts';
import { parseDuration } from '../options/duration.ts';
import { tellDone, tellResult, type OutputOptions } from '../output/tell.ts';
import { untilProjected, withRedis, withStores } from '../stores/with-stores.ts';
import { contains, isWide, parseNetworkOption, type Network } from './network-option.ts';

interface BlockOptions extends OutputOptions {
  readonly for?: string;
  readonly reason?: string;
  readonly force: boolean;
}

const LONGEST_REASON = 200;
/** Not on a line of its own, and not in a terminal's hands. */
const CONTROL_CHARACTER = /\p{Cc}/u;

export async function blockNetwork(text: string, options: BlockOptions): Promise<void> {
  const network = parseNetworkOption(text);
  if (isWide(network) && !options.force) {
    throw new UsageFailure(
      `${network.text} is very wide and may shut out your own devices: add --force if you mean it`,
    );
  }
  const reason = options.reason ?? null;
  if (reason !== null && (reason.length > LONGEST_REASON || CONTROL_CHARACTER.test(reason))) {
    throw new UsageFailure(`--reason is one line of at most ${LONGEST_REASON} characters`);
  }
  const forMs = options.for === undefined ? null : parseDuration(options.for);
  if (forMs === 0) throw new UsageFailure('--for is more than 0s');
  await withStores(async ({ database, redisUrl }) => {
    await untilProjected(redisUrl, await new IpBlockStore(database).block(network.text, reason, forMs));
  });
  const until = forMs === null ? null : new Date(Date.now() + forMs).toISOString();
  const how = forMs === null ? '' : ` for ${options.for}`;
  tellDone(options, { network: network.text, reason, expires_at: until }, `${network.text} is blocked${how}`);
}

export async function unblockNetwork(text: string, options: OutputOptions): Promise<void> {
  const network = parseNetworkOption(text);
  await withStores(async ({ database, redisUrl }) => {
    const store = new IpBlockStore(database);
    const version = await store.unblock(network.text);
    if (version !== undefined) await untilProjected(redisUrl, version);
    const ended = redisUrl === undefined ? [] : await endBlocksOfIngest(redisUrl, network);
    await store.reportEnded(ended.map(({ address, claimant }) => ({ address, device: deviceOf(claimant) })));
    if (version === undefined && ended.length === 0) throw new CommandFailure(await explainNothing(store, network));
    const others = ended.length === 0 ? '' : `; blocks for failures ended: ${ended.length}`;
    tellDone(options, { network: network.text, ended: ended.length }, `${network.text} is unblocked${others}`);
  });
}

export async function printBlocked(options: OutputOptions): Promise<void> {
  await withStores(async ({ database, redisUrl }) => {
    const networks = await new IpBlockStore(database).list();
    const sources = redisUrl === undefined ? [] : await withRedis(redisUrl, loadBlocksInForce);
    tellResult(options, describe(networks, sources), formatLines(networks, sources));
  });
}

async function endBlocksOfIngest(redisUrl: string, network: Network): Promise<readonly BlockChange[]> {
  return await withRedis(redisUrl, async (redis) => {
    const blocks = (await new SourceBlocks(redis).load()).filter(({ address }) => contains(network, address));
    await new SourceBlocks(redis).end(blocks.map(({ address, claimant }) => ({ address, claimant })));
    return blocks.filter(isInForce);
  });
}

async function loadBlocksInForce(
  redis: ConstructorParameters<typeof SourceBlocks>[0],
): Promise<readonly BlockChange[]> {
  return (await new SourceBlocks(redis).load()).filter(isInForce);
}

function isInForce({ until_ms: untilMs }: BlockChange): boolean {
  return untilMs > Date.now();
}

/** An API key's id is no device. */
function deviceOf(claimant: string | null): string | null {
  return claimant === null || claimant.startsWith('@') ? null : claimant;
}

async function explainNothing(store: IpBlockStore, network: Network): Promise<string> {
  const [ip = ''] = network.text.split('/');
  const around = (await store.list()).find((block) => contains(parseNetworkOption(block.network), ip));
  const hint = around === undefined ? '' : `; it lies in ${around.network}, which is blocked as a whole`;
  return `${network.text} is not blocked${hint}`;
}

function describe(networks: readonly IpBlock[], sources: readonly BlockChange[]): object {
  return {
    networks: networks.map(({ network, reason, createdAt, expiresAt }) => {
      return { network, reason, created_at: createdAt.toISOString(), expires_at: expiresAt?.toISOString() ?? null };
    }),
    sources: sources.map(({ address, claimant, offence, until_ms: untilMs }) => {
      return { address, claimant, offence, until: new Date(untilMs).toISOString() };
    }),
  };
}

function formatLines(networks: readonly IpBlock[], sources: readonly BlockChange[]): readonly string[] {
  const lines = [
    ...networks.map(({ network, reason, expiresAt }) => {
      const until = expiresAt === null ? 'until it is unblocked' : `until ${expiresAt.toISOString()}`;
      return `${network}  by an operator, ${until}${reason === null ? '' : `: ${reason}`}`;
    }),
    ...sources.map(({ address, claimant, offence, until_ms: untilMs }) => {
      const who = claimant === null ? '' : ` (${claimant})`;
      return `${address}${who}  for failures, time ${offence}, until ${new Date(untilMs).toISOString()}`;
    }),
  ];
  return lines.length === 0 ? ['nothing is blocked'] : lines;
}
