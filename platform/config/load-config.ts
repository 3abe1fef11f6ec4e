import { readFileSync } from 'node:fs';
import { z } from 'zod';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Thrown with all problems at once; `main` prints it and exits. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration has ${problems.length} problem(s):\n${problems.map((line) => `  - ${line}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

const OUR_PREFIX = 'TELLTALE_';

export interface ConfigSource<Shape extends z.core.$ZodLooseShape> {
  readonly shape: Shape;
  /** Prefixes of names that belong to other parts, which may share one environment. */
  readonly foreignPrefixes: readonly string[];
}

/**
 * Reads the named variables. `NAME_FILE` names a file that holds the value of NAME. An unknown `TELLTALE_` name is an
 * error, because a misspelt setting that is silently ignored is worse than none.
 */
export function loadConfig<Shape extends z.core.$ZodLooseShape>(
  { shape, foreignPrefixes }: ConfigSource<Shape>,
  environment: Environment,
): z.infer<z.ZodObject<Shape>> {
  const names = Object.keys(shape);
  const { values, problems: unread } = readValues(names, environment);
  const problems = [...unknownNames(environment, names, foreignPrefixes), ...unread];
  const parsed = z.object(shape).safeParse(values);
  if (!parsed.success) {
    problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return parsed.data;
}

/** What the environment says of these names, in itself or in files. An empty value is none. */
export function readValues(
  names: readonly string[],
  environment: Environment,
): { readonly values: Readonly<Record<string, string>>; readonly problems: readonly string[] } {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of names) {
    const value = valueOf(name, environment, problems);
    if (value !== undefined) values[name] = value;
  }
  return { values, problems };
}

function valueOf(name: string, environment: Environment, problems: string[]): string | undefined {
  const file = environment[`${name}_FILE`];
  if (file === undefined || file === '') return environment[name] === '' ? undefined : environment[name];
  if (environment[name] !== undefined) problems.push(`${name} and ${name}_FILE are both set; keep one`);
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch (error) {
    problems.push(`${name}_FILE: cannot read ${file} (${error instanceof Error ? error.message : String(error)})`);
    return undefined;
  }
}

function unknownNames(environment: Environment, known: readonly string[], foreign: readonly string[]): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith(OUR_PREFIX))
    .filter((name) => !foreign.some((prefix) => name.startsWith(prefix)))
    .filter((name) => !known.includes(name.replace(/_FILE$/, '')))
    .map((name) => `${name}: no such setting${suggestion(name, known)}`);
}

function suggestion(name: string, known: readonly string[]): string {
  const best = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= 4 ? `; did you mean ${best.candidate}?` : '';
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
