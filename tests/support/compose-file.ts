import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

const conditions = ['service_started', 'service_healthy', 'service_completed_successfully'] as const;

const serviceSchema = z.looseObject({
  image: z.string(),
  user: z.string().optional(),
  command: z.array(z.string()).optional(),
  profiles: z.array(z.string()).default([]),
  restart: z.string().optional(),
  read_only: z.boolean().default(false),
  cap_drop: z.array(z.string()).default([]),
  cap_add: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).default([]),
  pids_limit: z.int().optional(),
  logging: z.object({ options: z.object({ 'max-size': z.string(), 'max-file': z.string() }) }).optional(),
  network_mode: z.string().optional(),
  networks: z
    .union([z.array(z.string()), z.record(z.string(), z.unknown()).transform((networks) => Object.keys(networks))])
    .default([]),
  ports: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  volumes: z.array(z.string()).default([]),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.enum(conditions) })).default({}),
  deploy: z.object({ resources: z.object({ limits: z.object({ cpus: z.string(), memory: z.string() }) }) }).optional(),
});

const composeSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  networks: z.record(z.string(), z.looseObject({ internal: z.boolean().default(false) }).nullable()),
  volumes: z.record(z.string(), z.null()),
});

export type ComposeService = z.infer<typeof serviceSchema>;
export type ComposeFile = z.infer<typeof composeSchema>;

/** As Docker Compose fills in variables: `${NAME:-default}` also for an empty one, `${NAME-default}` for none. */
function interpolate(value: unknown, variables: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(value)) return value.map((each) => interpolate(each, variables));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, interpolate(each, variables)]));
  }
  if (typeof value !== 'string') return value;
  return value.replaceAll(
    /\$\$|\$\{([A-Z_]+)(:?)-([^}]*)\}/g,
    (_match: string, name: string | undefined, colon: string, byDefault: string) => {
      if (name === undefined) return '$';
      const given = variables[name];
      return given === undefined || (colon === ':' && given === '') ? byDefault : given;
    },
  );
}

/** What docker-compose.yml asks for, with its defaults. */
export function composeVariables(): ReadonlyMap<string, string> {
  const found = readFileSync('docker-compose.yml', 'utf8').matchAll(/\$\{([A-Z_]+):?-([^}]*)\}/g);
  return new Map([...found].map(([, name = '', byDefault = '']) => [name, byDefault]));
}

/** docker-compose.yml as Compose reads it, before anything is known of its shape. */
export function readComposeFile(variables: Readonly<Record<string, string>> = {}): unknown {
  return interpolate(parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }), variables);
}

export function loadComposeFile(variables: Readonly<Record<string, string>> = {}): ComposeFile {
  return composeSchema.parse(readComposeFile(variables));
}
