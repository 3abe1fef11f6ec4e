import { ConfigError, type Environment } from '../config/load-config.ts';
import { createLogger, type Logger, type LogLevel } from '../log/logger.ts';
import { ResourceStack } from './resource-stack.ts';
import { StartupError } from './startup-error.ts';

/** A drain that takes longer is cut off: whoever waits for us (a rolling restart, an operator) has waited long enough. */
const DRAIN_DEADLINE_MS = 4500;

export interface ServiceDefinition<Config extends { readonly TELLTALE_LOG_LEVEL: LogLevel }> {
  readonly name: string;
  readonly loadConfig: (environment: Environment) => Config;
  /** Opens everything, defers its closing, and returns when the service does its work. */
  readonly start: (context: ServiceContext<Config>) => Promise<void>;
}

export interface ServiceContext<Config> {
  readonly config: Config;
  readonly log: Logger;
  readonly resources: ResourceStack;
  /** Ends the process in order, because the service cannot go on. */
  readonly fail: (error: unknown) => void;
}

/** Runs a service until SIGTERM or SIGINT; sets the exit code: 0 after an orderly end, 1 after a fault, 2 for its configuration. */
export async function runService<Config extends { readonly TELLTALE_LOG_LEVEL: LogLevel }>(
  definition: ServiceDefinition<Config>,
): Promise<void> {
  let config: Config;
  try {
    config = definition.loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${definition.name}: ${error.message}\n`);
    process.exit(2);
  }
  const log = createLogger(definition.name, config.TELLTALE_LOG_LEVEL);
  const resources = new ResourceStack(log);
  let stopping = false;

  const stop = async (exitCode: number, reason: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    log.info({ reason }, 'stopping');
    const cutOff = setTimeout(() => {
      log.error({ open: resources.names() }, 'did not stop in time');
      process.exit(1);
    }, DRAIN_DEADLINE_MS);
    await resources.close();
    clearTimeout(cutOff);
    log.info('stopped');
    process.exit(exitCode);
  };
  const fail = (error: unknown): void => {
    log.fatal({ err: error }, 'cannot go on');
    void stop(1, 'fault');
  };

  process.on('SIGTERM', () => void stop(0, 'SIGTERM'));
  process.on('SIGINT', () => void stop(0, 'SIGINT'));
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  try {
    await definition.start({ config, log, resources, fail });
    log.info('ready');
  } catch (error) {
    if (error instanceof StartupError) {
      log.fatal(error.message);
      await stop(1, 'refused to start');
    } else {
      fail(error);
    }
  }
}
