import { z } from 'zod';
import { UsageError } from '../usage-error.ts';
import { ATTACK_CHOICES } from '../attack/attack-kind.ts';
import { ENCODINGS } from '../envelope/encoding.ts';
import { SCENARIOS } from '../scenarios/scenario-names.ts';
import { TRANSPORTS } from '../transport/open-transports.ts';
import { REPLY_TIMEOUT_MS } from '../transport/transport.ts';
import { canBindLocalAddress, MAX_LOCAL_ADDRESSES } from '../transport/local-address.ts';

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

function addressOf(protocols: readonly string[], example: string) {
  return z.string().transform((text, context): URL => {
    const parsed = URL.parse(text);
    const isBase = parsed !== null && ['', '/'].includes(parsed.pathname) && parsed.search === '' && parsed.hash === '';
    if (isBase && protocols.includes(parsed.protocol.slice(0, -1))) return parsed;
    context.addIssue(`must be an ${protocols.join(' or ')} address without a path, as in ${example}`);
    return z.NEVER;
  });
}

const DEFAULT_URL = 'http://127.0.0.1:8080';
const DEFAULT_MQTT_URL = 'mqtt://127.0.0.1:1883';
export const url = addressOf(['http', 'https'], DEFAULT_URL);
const mqttUrl = addressOf(['mqtt', 'mqtts'], DEFAULT_MQTT_URL);

/** The choices as a person writes them. */
const oneOf = <T extends string>(choices: readonly T[]) => z.enum(choices, `must be one of ${choices.join(', ')}`);

export const fleetOptions = {
  devices: wholeNumber(1, MAX_LOCAL_ADDRESSES).default(50),
  replay: z.string().min(1, 'must name a recording').optional(),
  fleet: z.string().min(1, 'must name a folder').default('.telltale/fleets'),
  seed: wholeNumber(0, 4_294_967_295).default(1),
  scenario: oneOf(SCENARIOS).default('calm'),
  /** Attackers have devices of their own, which have to be registered too. */
  attack: oneOf(ATTACK_CHOICES).default('none'),
};

export const manifestOptionsSchema = z.object({ ...fleetOptions, out: z.string().optional() });
export type ManifestOptions = z.infer<typeof manifestOptionsSchema>;

export const runOptionsSchema = z
  .object({
    ...fleetOptions,
    url: url.default(new URL(DEFAULT_URL)),
    mqttUrl: mqttUrl.prefault(() => process.env.MQTT_URL || DEFAULT_MQTT_URL),
    transport: oneOf(TRANSPORTS).default('http'),
    encoding: oneOf(ENCODINGS).default('http-signature'),
    rate: number(0.001, 1000, ' packs a second').default(1),
    duration: number(0, longestS, ' s').optional(),
    /** Three axes of them have to fit into the 1,000 records of a pack. */
    samples: wholeNumber(1, 333).default(10),
    /** Readings, in place of whole samples. */
    pack: wholeNumber(1, 1000).optional(),
    quakeAfter: number(0, longestS, ' s').default(15),
    quakeEvery: number(0, longestS, ' s').default(0),
    speed: number(0.01, 1000, '').optional(),
    ledger: z.string().min(1, 'must name a file').optional(),
    replyTimeout: number(0.1, 3600, ' s').default(REPLY_TIMEOUT_MS / 1000),
    drain: number(0, 3600, ' s').default(30),
    json: z.boolean().default(false),
  })
  .refine((options) => options.speed === undefined || options.replay !== undefined, {
    path: ['speed'],
    message: 'is only for a recording: add --replay <file>, or use --rate',
  })
  .refine(({ transport, encoding }) => transport === 'http' || encoding !== 'http-signature', {
    path: ['encoding'],
    message: 'must be jws or cose with --transport mqtt or both: an MQTT message has no header fields to sign',
  })
  .refine(({ attack, url: target }) => attack === 'none' || canBindLocalAddress(target, process.platform), {
    path: ['attack'],
    message: 'needs an ingest at 127.0.0.1 on Linux, where attackers can have addresses of their own',
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
