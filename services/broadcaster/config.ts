import { z } from 'zod';
import { isCapSender } from '../../core/alerts/cap.ts';
import {
  foreignPrefixes,
  integer,
  logSettings,
  networks,
  port,
  redisSettings,
} from '../../platform/config/fragments.ts';
import { ConfigError, loadConfig, type Environment } from '../../platform/config/load-config.ts';

const origins = z.string().transform((text, context) =>
  text.split(',').map((part) => {
    const origin = part.trim();
    if (origin !== '*' && !/^[a-z][a-z0-9+.-]*:\/\/[^/]+$/.test(origin)) {
      context.addIssue(`"${origin}" is no origin, such as https://alerts.example.org, and not *`);
    }
    return origin;
  }),
);

export const broadcasterSettings = {
  ...logSettings,
  ...redisSettings,
  TELLTALE_BROADCASTER_HOST: z.string().default('127.0.0.1').describe('where `/ws/alerts` is'),
  TELLTALE_BROADCASTER_PORT: port.default(8081).describe('its port'),
  TELLTALE_BROADCASTER_ADMIN_HOST: z
    .string()
    .default('127.0.0.1')
    .describe('metrics and health, for operators alone: somewhere else than the public port'),
  TELLTALE_BROADCASTER_ADMIN_PORT: port.default(9103).describe('their port'),
  TELLTALE_BROADCASTER_PUBLIC: z
    .stringbool()
    .default(false)
    .describe('everybody may listen; one of this and the next has to be set'),
  TELLTALE_BROADCASTER_JWKS_PATH: z
    .string()
    .optional()
    .describe('public keys of tokens (JWKS, RFC 7517: P-256, a `kid` each); read again within 5 s of a change'),
  TELLTALE_BROADCASTER_TOKEN_AUDIENCE: z
    .string()
    .min(1)
    .default('telltale-alerts')
    .describe('`aud` that tokens must have'),
  TELLTALE_BROADCASTER_TOKEN_ISSUER: z
    .string()
    .min(1)
    .optional()
    .meta({ description: '`iss` that tokens must have', defaultText: 'any' }),
  TELLTALE_BROADCASTER_ORIGINS: origins
    .default([])
    .describe('web pages that may listen besides those of the same host, with commas between; `*` for all'),
  TELLTALE_BROADCASTER_TRUSTED_PROXIES: networks
    .default([])
    .describe('addresses and networks whose `X-Forwarded-For` is believed, with commas between'),
  TELLTALE_BROADCASTER_MAX_CONNECTIONS: integer(1, 1_000_000).default(50_000).describe('connections of this process'),
  TELLTALE_BROADCASTER_MAX_PER_ADDRESS: integer(1, 1_000_000)
    .default(1000)
    .describe('connections of one address; many phones share the address of their network'),
  TELLTALE_BROADCASTER_MAX_PER_ACCOUNT: integer(1, 1_000_000).default(20).describe('connections of one account'),
  TELLTALE_BROADCASTER_CONNECTS_PER_S: integer(1, 100_000)
    .default(500)
    .describe('new connections a second; others wait for their turn for up to 8 s'),
  TELLTALE_BROADCASTER_WINDOW_COUNT: integer(1, 1_000_000)
    .default(10_000)
    .describe('transitions that somebody who comes back can be told of, about 3 KB of memory each'),
  TELLTALE_BROADCASTER_WINDOW_S: integer(1, 2_592_000).default(86_400).describe('how old they may be'),
  TELLTALE_BROADCASTER_HEARTBEAT_S: integer(1, 50)
    .default(15)
    .describe('after so long without an alert a heartbeat comes; clients notice a dead connection after twice this'),
  TELLTALE_BROADCASTER_COMPRESSION: z
    .stringbool()
    .default(false)
    .describe(
      'permessage-deflate (RFC 7692) for clients that offer it: less traffic for much more processor time; see [Subscribers](#subscribers)',
    ),
  TELLTALE_BROADCASTER_CAP_SENDER: z
    .string()
    .refine(isCapSender, 'a name without spaces, commas, < and &, such as alerts.example.org')
    .default('telltale.invalid')
    .describe('who sends CAP messages: a name without spaces, commas, `<` and `&`'),
  TELLTALE_BROADCASTER_CAP_SENDER_NAME: z.string().min(1).max(200).default('Telltale').describe('the same for people'),
  TELLTALE_BROADCASTER_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({ description: 'where the public reaches the broadcaster', defaultText: '`http://` with host and port' }),
};

export type BroadcasterConfig = z.infer<z.ZodObject<typeof broadcasterSettings>>;

export function loadBroadcasterConfig(environment: Environment): BroadcasterConfig {
  const config = loadConfig(
    { shape: broadcasterSettings, foreignPrefixes: foreignPrefixes('TELLTALE_BROADCASTER_') },
    environment,
  );
  const { TELLTALE_BROADCASTER_PUBLIC: isPublic, TELLTALE_BROADCASTER_JWKS_PATH: jwksPath } = config;
  if (!isPublic && jwksPath === undefined) {
    throw new ConfigError([
      'nobody could listen: set TELLTALE_BROADCASTER_JWKS_PATH to the public keys of tokens (telltale token makes a pair), ' +
        'or TELLTALE_BROADCASTER_PUBLIC=true for alerts that everybody may hear',
    ]);
  }
  if (isPublic && jwksPath !== undefined) {
    throw new ConfigError([
      'TELLTALE_BROADCASTER_PUBLIC=true lets everybody listen, and TELLTALE_BROADCASTER_JWKS_PATH asks for tokens; keep one',
    ]);
  }
  return config;
}
