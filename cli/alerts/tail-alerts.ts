import { once } from 'node:events';
import { WebSocket } from 'ws';
import { AlertClient, type AlertFilter, type AlertMessage } from '../../clients/js/src/index.ts';
import { capStatusSchema, severitySchema } from '../../core/alerts/alert.ts';
import { CommandFailure, UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import { createInterrupt } from '../options/interrupt.ts';
import { readTextFile } from '../options/read-text-file.ts';
import { tellAside, tellResult, type OutputOptions } from '../output/tell.ts';
import { DEFAULT_ALERTS_URL, findAlertsUrl } from '../stores/find-service-urls.ts';

interface TailOptions extends OutputOptions {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly zone?: readonly string[];
  readonly minSeverity?: string;
  readonly status?: readonly string[];
  readonly count?: string;
}

/** A subscriber like any other: it comes back after a lost connection, and goes on where it was. Ctrl-C ends it, and that is no failure. */
export async function tailAlerts(options: TailOptions): Promise<void> {
  const filter = parseFilter(options);
  const most = options.count === undefined ? Infinity : parseCount(options.count);
  const url = await findAlertsUrl(options.url);
  const token = options.tokenFile === undefined ? undefined : readTextFile(options.tokenFile).trim();
  const interrupt = createInterrupt();
  const finished = new AbortController();
  let failure: CommandFailure | undefined;
  const end = (reason?: CommandFailure): void => {
    failure ??= reason;
    finished.abort();
  };
  interrupt.addEventListener('abort', () => end());
  const client = openClient(url, filter, token);
  let told = 0;
  client.on('alert', (alert) => {
    if (told >= most) return;
    told += 1;
    tellResult(options, alert, [formatAlert(alert)]);
    if (told >= most) end();
  });
  client.on('state', (state) => {
    if (state === 'live') tellAside(`listening to ${url}; Ctrl-C ends it`);
  });
  client.on('gap', ({ reason }) => {
    tellAside(`alerts may have been missed (${reason}): "telltale alerts list" has those that are active`);
  });
  client.on('hearing', (isHearing) => {
    tellAside(isHearing ? 'the server hears again what is decided' : 'the server does not hear what is decided');
  });
  client.on('problem', ({ code, detail }) => {
    if (code === 'unauthorized' || code === 'token-expired' || code === 'no-token') {
      end(
        new CommandFailure(
          `${url} asks for a token (${detail}): make one with "telltale token", and give --token-file`,
        ),
      );
    } else tellAside(`${url}: ${detail}; trying again`);
  });
  if (!finished.signal.aborted) await once(finished.signal, 'abort');
  client.close();
  if (failure !== undefined) throw failure;
}

function openClient(url: string, filter: AlertFilter, token: string | undefined): AlertClient {
  try {
    return new AlertClient({ url, WebSocket, filters: [filter], ...(token !== undefined && { token }) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageFailure(`--url ${url} is no address such as ${DEFAULT_ALERTS_URL}: ${why}`);
  }
}

function parseFilter({ zone, minSeverity, status }: TailOptions): AlertFilter {
  const severity = severitySchema.optional().safeParse(minSeverity);
  if (!severity.success) throw new UsageFailure(`--min-severity is one of ${severitySchema.options.join(', ')}`);
  const statuses = capStatusSchema.array().safeParse(status ?? capStatusSchema.options);
  if (!statuses.success) throw new UsageFailure(`--status is one of ${capStatusSchema.options.join(', ')}`);
  return {
    status: statuses.data,
    ...(zone !== undefined && { zones: zone }),
    ...(severity.data !== undefined && { min_severity: severity.data }),
  };
}

function parseCount(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new UsageFailure('--count is a number above 0');
  return Number(text);
}

function formatAlert({
  decided_us,
  kind,
  severity,
  status,
  headline,
  rule,
  subject,
  evidence,
  note,
  actor,
}: AlertMessage): string {
  const at = new Date(Math.floor(decided_us / 1000)).toISOString();
  const reading = evidence.readings.at(-1);
  const why = [
    ...(reading === undefined ? [] : [`${reading.metric} ${reading.value}`]),
    ...(evidence.limit === undefined ? [] : [`limit ${evidence.limit}`]),
    ...(actor === 'detection' ? [] : [actor]),
    ...(note === undefined ? [] : [note]),
  ].join(', ');
  return `${at}  ${kind}  ${severity} (${status})  ${headline}: ${rule} at ${subject}${why === '' ? '' : `  ${why}`}`;
}
