import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailure } from '../process/failure.ts';

const ONE_SERVER = 'redis';
const CLUSTER = 'redis-cluster';
const CLUSTER_PROFILE = 'cluster';
/** What this installation has had so far. */
const RECORD = 'redis-mode';
/** In the URL that init makes for the nodes of docker-compose.yml; nodes elsewhere have other names. */
const OUR_NODE = '@redis-1:';

export interface RedisChoice {
  /** REDIS_MODE. */
  readonly mode: string;
  /** COMPOSE_PROFILES. */
  readonly profiles: string;
}

/**
 * Refuses what would start the services on another Redis than the one that has their data, or on none: Compose itself compares
 * nothing, and takes a variable that somebody forgot for its default.
 */
export async function keepRedisMode(secrets: string, { mode, profiles }: RedisChoice): Promise<void> {
  if (mode !== ONE_SERVER && mode !== CLUSTER) {
    throw new CommandFailure(`REDIS_MODE is "${mode}". Write ${ONE_SERVER} or ${CLUSTER} into .env.`);
  }
  const record = join(secrets, RECORD);
  const kept = (await readFile(record, 'utf8').catch(() => undefined))?.trim();
  if (kept !== undefined && kept !== mode) {
    throw new CommandFailure(
      `This installation has its data in "${kept}", and REDIS_MODE is "${mode}": nothing moves from one to the other. ` +
        `Write ${variablesOf(kept)} into .env. To begin with an empty Redis remove the file ${RECORD} of the volume "secrets" first.`,
    );
  }
  await requireProfile(secrets, mode, profiles);
  if (kept !== undefined) return;
  await writeFile(`${record}.new`, `${mode}\n`, { mode: 0o644 });
  await rename(`${record}.new`, record);
}

async function requireProfile(secrets: string, mode: string, profiles: string): Promise<void> {
  const hasNodes = profiles.split(',').some((profile) => profile.trim() === CLUSTER_PROFILE);
  if (hasNodes && mode !== CLUSTER) {
    throw new CommandFailure(
      `COMPOSE_PROFILES has "${CLUSTER_PROFILE}", and REDIS_MODE is "${mode}": nobody would use the nodes. ` +
        `Write ${variablesOf(CLUSTER)} into .env, or take ${CLUSTER_PROFILE} out.`,
    );
  }
  if (hasNodes || mode !== CLUSTER) return;
  const url = await readFile(join(secrets, 'worker', 'redis-cluster-url'), 'utf8');
  if (!url.includes(OUR_NODE)) return;
  throw new CommandFailure(
    `REDIS_MODE is "${mode}", and COMPOSE_PROFILES, which is "${profiles}", does not start its nodes. ` +
      `Write ${variablesOf(CLUSTER)} into .env: --profile on one command line is forgotten by the next.`,
  );
}

function variablesOf(mode: string): string {
  return mode === CLUSTER
    ? `REDIS_MODE=${CLUSTER} and COMPOSE_PROFILES=${CLUSTER_PROFILE}`
    : `REDIS_MODE=${ONE_SERVER}`;
}
