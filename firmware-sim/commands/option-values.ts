import { z } from 'zod';
import { UsageError } from '../usage-error.ts';
import { MAX_LOCAL_ADDRESSES } from '../transport/local-address.ts';

/** A number as text on the command line. */
function number(low: number, high: number, unit: string) {
  const rule = `must be a number from ${low} to ${high}${unit}`;
  return z
    .string()
    .regex(/^[0-9]+(\.[0-9]+)?$/, rule)
    .transform(Number)
    .refine((value) => value >= low && value <= high, rule);
}

function wholeNumber(low: number, high: number) {
  return number(low, high, ', without decimals').refine(
    Number.isInteger,
    `must be a number from ${low} to ${high}, without decimals`,
  );
}

const longestS = 31_536_000;

const url = z.string().transform((text, context): URL => {
  const parsed = URL.parse(text);
  const isBase = parsed !== null && parsed.pathname === '/' && parsed.search === '' && parsed.hash === '';
  if (isBase && (parsed.protocol === 'http:' || parsed.protocol === 'https:')) return parsed;
  context.addIssue('must be an http or https address without a path, as in http://127.0.0.1:8080');
  return z.NEVER;
});

export const fleetOptions = {
  devices: wholeNumber(1, MAX_LOCAL_ADDRESSES).default(50),
  replay: z.string().min(1, 'must name a recording').optional(),
  fleet: z.string().min(1, 'must name a folder').default('.telltale/fleets'),
  seed: wholeNumber(0, 4_294_967_295).default(1),
};

export const manifestOptionsSchema = z.object({ ...fleetOptions, out: z.string().optional() });
export type ManifestOptions = z.infer<typeof manifestOptionsSchema>;

export const runOptionsSchema = z
  .object({
    ...fleetOptions,
    url: url.default(new URL('http://127.0.0.1:8080')),
    rate: number(0.001, 1000, ' packs a second').default(1),
    duration: number(0, longestS, ' s').optional(),
    scenario: z.enum(['calm', 'quake'], 'must be calm or quake').default('calm'),
    /** Three axes of them have to fit into the 1,000 records of a pack. */
    samples: wholeNumber(1, 333).default(10),
    quakeAfter: number(0, longestS, ' s').default(15),
    quakeEvery: number(0, longestS, ' s').default(0),
    speed: number(0.01, 1000, '').optional(),
    ledger: z.string().min(1, 'must name a file').optional(),
    drain: number(0, 3600, ' s').default(30),
    json: z.boolean().default(false),
  })
  .refine((options) => options.speed === undefined || options.replay !== undefined, {
    path: ['speed'],
    message: 'is only for a recording: add --replay <file>, or use --rate',
  });
export type RunOptions = z.infer<typeof runOptionsSchema>;

/** All problems in one line, each with the option's name. */
export function parseOptions<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new UsageError(parsed.error.issues.map((issue) => `${optionName(issue.path[0])} ${issue.message}`).join('; '));
}

function optionName(name: PropertyKey | undefined): string {
  return `--${String(name).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
