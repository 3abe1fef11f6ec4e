import { z } from 'zod';
import { clientMessageSchema, serverMessageSchema, SUBPROTOCOL } from '../../contracts/alert-stream.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

interface Described {
  readonly type: string;
  readonly summary: string;
}

const FROM_CLIENT: readonly Described[] = [
  { type: 'authenticate', summary: 'A token (JWT, ES256). Also later, to go on with a new one.' },
  {
    type: 'subscribe',
    summary: 'What the client wants, in place of what it wanted before. With `resume`, what it missed comes first.',
  },
  { type: 'resume', summary: 'Where the client stood; with the filters that there are, or everything that is actual.' },
];

const FROM_SERVER: readonly Described[] = [
  { type: 'hello', summary: 'The first message: where the stream is, and what the server expects of a client.' },
  { type: 'authenticated', summary: 'The token is good until then.' },
  { type: 'subscribed', summary: 'The filters are set; alerts come from behind this cursor on.' },
  { type: 'live', summary: 'Everything that was missed has been sent.' },
  { type: 'alert', summary: 'One transition of an alert.' },
  { type: 'gap', summary: 'Transitions may be missing: ask GET /v1/alerts/active.' },
  { type: 'heartbeat', summary: 'The connection lives; `live` tells whether the server hears what is decided.' },
  { type: 'reconnect', summary: 'The server is about to end the connection: come back after this time.' },
  { type: 'error', summary: 'What was wrong. The connection may end after it.' },
];

/** AsyncAPI 3.0 of `/ws/alerts`, made from the schemas that the server and its tests use. */
export function createAsyncApi(): JsonSchema {
  const messages = [
    ...FROM_CLIENT.map((message) => [message, 'input', clientMessageSchema] as const),
    ...FROM_SERVER.map((message) => [message, 'output', serverMessageSchema] as const),
  ].map(([{ type, summary }, io, union]) => {
    const option = union.options.find(({ shape }) => shape.type.value === type);
    if (option === undefined) throw new Error(`the contract has no message ${type}`);
    const { $schema: _draft, ...payload } = z.toJSONSchema(option, { io });
    return [type, { name: type, title: type, summary, contentType: 'application/json', payload }] as const;
  });
  const known = new Set(
    [...clientMessageSchema.options, ...serverMessageSchema.options].map(({ shape }) => shape.type.value),
  );
  if (known.size !== messages.length) throw new Error('a message of the contract is not described');
  const reference = ({ type }: Described): JsonSchema => ({ $ref: `#/channels/alerts/messages/${type}` });
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Telltale alerts',
      version: '1.0.0',
      description:
        'Alerts of Telltale over WebSocket: filtered, resumed, each once. docs/alerts.md tells how to use it.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      local: { host: '127.0.0.1:8081', protocol: 'ws', description: 'What npm start runs.' },
    },
    channels: {
      alerts: {
        address: '/ws/alerts',
        title: 'Alerts',
        description:
          `Subprotocol ${SUBPROTOCOL}. A token may come in the first message, or in the handshake as a subprotocol ` +
          '"bearer.<token>" beside it; never in the address.',
        messages: Object.fromEntries(messages.map(([type]) => [type, { $ref: `#/components/messages/${type}` }])),
        bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
      },
    },
    operations: {
      tell: {
        action: 'receive',
        channel: { $ref: '#/channels/alerts' },
        summary: 'What a client says.',
        messages: FROM_CLIENT.map(reference),
      },
      listen: {
        action: 'send',
        channel: { $ref: '#/channels/alerts' },
        summary: 'What the server says.',
        messages: FROM_SERVER.map(reference),
      },
    },
    components: { messages: Object.fromEntries(messages) },
  };
}
