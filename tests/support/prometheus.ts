import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { findFreePort } from '../../scripts/process/free-port.ts';
import { startProcess, type RunningProcess } from '../../scripts/process/running-process.ts';
import { waitUntilReady } from '../../scripts/process/wait-until-ready.ts';
import { endWithTests } from './end-with-tests.ts';

const READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;

const seriesSchema = z.object({
  metric: z.record(z.string(), z.string()),
  /** Of a range. */
  values: z.array(z.tuple([z.number(), z.string()])).optional(),
  /** Of an instant. */
  value: z.tuple([z.number(), z.string()]).optional(),
});
const answerSchema = z.union([
  z.object({ status: z.literal('success'), data: z.object({ result: z.array(seriesSchema) }) }),
  z.object({ status: z.literal('error'), error: z.string() }),
]);

/** The values of each series that are numbers; a rejection has what Prometheus says against the expression. */
export type Answer = readonly (readonly number[])[];

/** A Prometheus that scrapes these targets once a second, with the rules of the platform. */
export class TestPrometheus implements AsyncDisposable {
  readonly #url: string;
  readonly #running: RunningProcess;
  readonly #folder: string;

  constructor(url: string, running: RunningProcess, folder: string) {
    this.#url = url;
    this.#running = running;
    this.#folder = folder;
  }

  /** @param endS Unix seconds */
  async range(expr: string, startS: number, endS: number): Promise<Answer> {
    return await this.#ask('query_range', { query: expr, start: String(startS), end: String(endS), step: '1' });
  }

  async instant(expr: string, atS: number): Promise<Answer> {
    return await this.#ask('query', { query: expr, time: String(atS) });
  }

  async labelValues(label: string, metric: string): Promise<readonly string[]> {
    const query = new URLSearchParams({ 'match[]': metric });
    const reply = await fetch(`${this.#url}/api/v1/label/${label}/values?${query.toString()}`);
    return z.object({ data: z.array(z.string()) }).parse(await reply.json()).data;
  }

  async #ask(path: string, parameters: Readonly<Record<string, string>>): Promise<Answer> {
    const reply = await fetch(`${this.#url}/api/v1/${path}`, {
      method: 'POST',
      body: new URLSearchParams(parameters),
    });
    const answer = answerSchema.parse(await reply.json());
    if (answer.status === 'error') throw new Error(answer.error);
    return answer.data.result.map(({ values, value }) =>
      [...(values ?? []), ...(value === undefined ? [] : [value])]
        .map(([, text]) => Number(text))
        .filter(Number.isFinite),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.stop(STOP_DEADLINE_MS);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** @param targets admin addresses, by job */
export async function startPrometheus(targets: Readonly<Record<string, string>>): Promise<TestPrometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-prometheus-'));
  const rules = ['recording.yml', 'alerting.yml'].map((name) => resolve('deploy/prometheus/rules', name));
  const configuration = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: rules,
    scrape_configs: Object.entries(targets).map(([job, url]) => ({
      job_name: job,
      static_configs: [{ targets: [new URL(url).host] }],
    })),
  };
  // YAML, of which JSON is a part.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(configuration));
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const running = await startProcess({
    name: 'prometheus',
    command: 'prometheus',
    args: [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    env: process.env,
  });
  endWithTests(running);
  await waitUntilReady(running, async () => (await fetch(`${url}/-/ready`)).status === 200, READY_DEADLINE_MS);
  return new TestPrometheus(url, running, folder);
}
