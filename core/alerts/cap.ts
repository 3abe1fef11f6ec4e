/**
 * Alerts as messages of the Common Alerting Protocol 1.2 (OASIS), `application/cap+xml`.
 *
 *   raised → Alert     updated → Update     cleared → Update with AllClear     cancelled → Cancel
 *
 * Each message but the first refers to those before it that are known. Elements stand in the order of the schema.
 */
import { LocalPlane } from '../geo/local-plane.ts';
import type { Position } from '../geo/position.ts';
import type { CapStatus, Evidence, Severity, TransitionKind } from './alert.ts';

/** One transition of an alert, as far as a message tells it. */
export interface CapTransition {
  readonly alert_id: string;
  readonly version: number;
  readonly kind: TransitionKind;
  readonly rule: string;
  readonly severity: Severity;
  readonly status: CapStatus;
  readonly headline: string;
  /** Event time, Unix microseconds. */
  readonly at_us: number;
  /** Unix microseconds. */
  readonly decided_us: number;
  readonly evidence: Evidence;
}

export interface CapSource {
  /** Who says it, such as a domain name: no white space, commas, `<` and `&`. */
  readonly sender: string;
  readonly senderName?: string | undefined;
  /** RFC 3066. */
  readonly language?: string | undefined;
  readonly category: 'Geo' | 'Met' | 'Safety' | 'Fire' | 'Env' | 'Infra' | 'Other';
  /** What it is, such as `Earthquake`. */
  readonly event: string;
  readonly description: string;
  readonly instruction?: string | undefined;
  readonly responseType: 'Shelter' | 'Evacuate' | 'Prepare' | 'Execute' | 'Avoid' | 'Monitor' | 'Assess' | 'None';
  /** The message counts this long. */
  readonly expiresAfterS: number;
}

export interface CapArea {
  readonly description: string;
  /** Three corners or more; they are closed here. */
  readonly polygon: readonly Position[];
}

const NAMESPACE = 'urn:oasis:names:tc:emergency:cap:1.2';
const MESSAGE_TYPES = { raised: 'Alert', updated: 'Update', cleared: 'Update', cancelled: 'Cancel' } as const;
/** What is written in the list of references, where white space and commas separate. */
const SENDER = /^[^\s,<&]+$/;
/** About a metre. */
const DECIMALS = 5;
const CORNERS = 24;

/** The last transition of an alert, and those before it, oldest first. */
export interface CapHistory {
  readonly transition: CapTransition;
  readonly earlier: readonly Pick<CapTransition, 'version' | 'decided_us'>[];
}

/**
 * The message of the last transition.
 *
 * @throws when the sender cannot be one, or an area has no three corners
 */
export function writeCap(
  { transition: last, earlier }: CapHistory,
  source: CapSource,
  areas: readonly CapArea[],
): string {
  if (!isCapSender(source.sender)) throw new Error('the sender of a CAP message has no spaces, commas, < and &');
  const isOver = last.kind === 'cleared' || last.kind === 'cancelled';
  const references = earlier
    .map((before) => ({ ...before, alert_id: last.alert_id }))
    .map((before) => `${source.sender},${identifierOf(before)},${sentOf(before)}`);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<alert xmlns="${NAMESPACE}">`,
    element('identifier', identifierOf(last)),
    element('sender', source.sender),
    element('sent', sentOf(last)),
    element('status', last.status),
    element('msgType', MESSAGE_TYPES[last.kind]),
    element('scope', 'Public'),
    references.length === 0 ? '' : element('references', references.join(' ')),
    element('incidents', last.alert_id),
    '<info>',
    element('language', source.language ?? 'en-US'),
    element('category', source.category),
    element('event', source.event),
    element('responseType', isOver ? 'AllClear' : source.responseType),
    element('urgency', isOver ? 'Past' : 'Immediate'),
    element('severity', last.severity),
    element('certainty', last.kind === 'cancelled' ? 'Unlikely' : 'Observed'),
    element('effective', sentOf(last)),
    element('onset', capTime(last.at_us)),
    element('expires', capTime(last.decided_us + source.expiresAfterS * 1e6)),
    source.senderName === undefined ? '' : element('senderName', source.senderName),
    element('headline', last.headline),
    element('description', source.description),
    source.instruction === undefined || isOver ? '' : element('instruction', source.instruction),
    ...parametersOf(last).map(
      ([name, value]) => `<parameter>${element('valueName', name)}${element('value', value)}</parameter>`,
    ),
    ...areas.map(areaOf),
    '</info>',
    '</alert>',
    '',
  ]
    .filter((line, index, lines) => line !== '' || index === lines.length - 1)
    .join('\n');
}

export function isCapSender(text: string): boolean {
  return SENDER.test(text);
}

/** Around a place, for whoever knows no better area. */
export function circleAround(centre: Position, radiusM: number): readonly Position[] {
  const plane = new LocalPlane(centre);
  return Array.from({ length: CORNERS }, (_, corner) => {
    const angle = (2 * Math.PI * corner) / CORNERS;
    return plane.toPosition({ x: radiusM * Math.cos(angle), y: radiusM * Math.sin(angle) });
  });
}

/** Whole seconds of UTC, which CAP writes with the offset -00:00, and never as Z. */
export function capTime(unixUs: number): string {
  return `${new Date(Math.floor(unixUs / 1e6) * 1000).toISOString().slice(0, 19)}-00:00`;
}

function identifierOf({ alert_id: id, version }: Pick<CapTransition, 'alert_id' | 'version'>): string {
  return `${id}.${version}`;
}

function sentOf({ decided_us: decidedUs }: Pick<CapTransition, 'decided_us'>): string {
  return capTime(decidedUs);
}

function parametersOf({ rule, evidence }: CapTransition): readonly (readonly [string, string])[] {
  const { rule_version: version, measure, origin } = evidence;
  return [
    ['rule', `${rule} version ${version}`],
    ...(measure === undefined ? [] : [['measure', String(measure)] as const]),
    ...(origin === undefined ? [] : [['originTime', capTime(origin.time_us)] as const]),
    ...(origin === undefined ? [] : [['epicentreErrorMetres', String(Math.round(origin.error_m))] as const]),
  ];
}

/** Latitude before longitude, and the first corner once more at the end. */
function areaOf({ description, polygon }: CapArea): string {
  const [first] = polygon;
  if (first === undefined || polygon.length < 3) throw new Error(`the area ${description} has no three corners`);
  const corners = [...polygon, first].map(({ lat, lon }) => `${lat.toFixed(DECIMALS)},${lon.toFixed(DECIMALS)}`);
  return `<area>${element('areaDesc', description)}${element('polygon', corners.join(' '))}</area>`;
}

/** One XML element with text in it. */
export function element(name: string, text: string): string {
  return `<${name}>${escapeText(text)}</${name}>`;
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Text between double quotes. */
export function escapeAttribute(text: string): string {
  return escapeText(text).replaceAll('"', '&quot;');
}

/** What XML 1.0 cannot hold at all, control characters and lone surrogates, becomes a question mark. */
function escapeText(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '?')
    .replace(/[&<>]/g, (character) => ESCAPES[character] ?? character);
}
