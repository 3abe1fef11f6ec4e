import type { z } from 'zod';
import { commandLineSettings } from '../../platform/config/fragments.ts';
import { broadcasterSettings } from '../../services/broadcaster/config.ts';
import { ingestSettings } from '../../services/ingest/config.ts';
import { workerSettings } from '../../services/worker/config.ts';
import { stackSettings } from '../dev-stack/settings.ts';

const SERVICES: Readonly<Record<string, z.core.$ZodLooseShape>> = {
  ingest: ingestSettings,
  worker: workerSettings,
  broadcaster: broadcasterSettings,
};
const DEV_PREFIX = 'TELLTALE_DEV_';

const TABLE_HEAD = ['| variable | part | default | meaning |', '| --- | --- | --- | --- |'];
const BEGIN = '<!-- Written by "npm run docs:configuration" from the schemas. -->';
const END = '<!-- Until here. -->';

export interface Setting {
  readonly name: string;
  /** Of the services that know it; all of them is `all`. */
  readonly part: string;
  /** In words where it is not a constant. Undefined for none. */
  readonly byDefault: { readonly text: string; readonly constant: boolean } | undefined;
  readonly meaning: string | undefined;
}

/** Every setting, in the order of the schemas: those that all services have, then service by service, the command line and `npm start`. */
export function describeSettings(): readonly Setting[] {
  const parts = Object.keys(SERVICES);
  const names = new Set(Object.values(SERVICES).flatMap((shape) => Object.keys(shape)));
  const settings = [...names].map((name) => {
    const knowing = parts.filter((part) => name in (SERVICES[part] ?? {}));
    const part = knowing.length === parts.length ? 'all' : knowing.join(', ');
    return describe(name, part, SERVICES[knowing[0] ?? '']?.[name]);
  });
  const dev = Object.entries(stackSettings)
    .filter(([name]) => name.startsWith(DEV_PREFIX))
    .map(([name, schema]) => describe(name, '`npm start`', schema));
  const commandLine = Object.entries(commandLineSettings).map(([name, schema]) => describe(name, '`telltale`', schema));
  return [
    ...settings.filter(({ part }) => part === 'all'),
    ...settings.filter(({ part }) => part !== 'all'),
    ...commandLine,
    ...dev,
  ];
}

function describe(name: string, part: string, schema: unknown): Setting {
  const type = schema as z.ZodType;
  const { description, defaultText } = type.meta() ?? {};
  const { success, data } = type.safeParse(undefined);
  return { name, part, byDefault: parseDefault(success ? defaultText : 'required', data), meaning: description };
}

function parseDefault(words: unknown, value: unknown): Setting['byDefault'] {
  if (typeof words === 'string') return { text: words, constant: false };
  const isConstant = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isConstant ? { text: String(value), constant: true } : undefined;
}

function createTable(): string {
  const rows = describeSettings().map(({ name, part, byDefault, meaning }) => {
    const shown = byDefault?.constant === true ? `\`${byDefault.text}\`` : (byDefault?.text ?? '–');
    return `| \`${name}\` | ${part} | ${shown} | ${meaning ?? ''} |`;
  });
  return [...TABLE_HEAD, ...rows].join('\n');
}

/** The page with the table of settings as the schemas say it, and everything else as it is. */
export function withConfigurationTable(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error('the page has no place for the table of settings');
  return `${page.slice(0, begin + BEGIN.length)}\n${createTable()}\n${page.slice(end)}`;
}
