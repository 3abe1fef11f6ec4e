import type { ZoneArea } from '../geo/zone-area.ts';
import { absenceDueUs, hearReading, passTime, type AbsenceState } from './absence.ts';
import { evaluateDeviation, type DeviationState } from './deviation.ts';
import { evaluateGeofence, type GeofenceState } from './geofence.ts';
import { letGo, lettingGoUs, takeIn, type Released, type Waiting } from './lateness.ts';
import { evaluateRate, type RateState } from './rate.ts';
import type { Evaluation, NumericReading, RuleTransition } from './reading-evaluation.ts';
import type { AbsenceRule, DeviceRule } from './rule.ts';
import { clearAfterS, tellMeasured, type Told } from './telling.ts';
import { evaluateThreshold, type ThresholdState } from './threshold.ts';

type HoldingRule = Exclude<DeviceRule, AbsenceRule>;
type HoldingState = ThresholdState | RateState | DeviationState | GeofenceState;

/** What a rule remembers of one device. */
export type RuleState = (HoldingState & Told & Waiting) | (AbsenceState & Told);

export interface RuleEvaluation {
  /** The same object when nothing changed. */
  readonly state: RuleState;
  readonly transitions: readonly PlacedTransition[];
}

export interface PlacedTransition {
  readonly transition: RuleTransition;
  /** Of what caused it, among all that was evaluated with one reading: the same when it is evaluated again. */
  readonly place: number;
}

/** What a rule needs to know beside the reading. */
export interface Surroundings {
  /** When the reading came, Unix microseconds by the clock of the platform. */
  readonly arrivedUs: number;
  readonly areaOf: (zone: string) => ZoneArea | undefined;
}

/** Of a device of which nothing is known, but whether the alert is raised. */
export function initialState({ kind }: DeviceRule, raised: boolean): RuleState {
  switch (kind) {
    case 'threshold':
      return { kind, raised, metrics: {} };
    case 'rate':
      return { kind, raised, metrics: {}, samples: {} };
    case 'deviation':
      return { kind, raised, metrics: {}, inputs: {} };
    case 'geofence':
      return { kind, raised, metrics: {} };
    case 'absence':
      return { kind, raised };
  }
}

/**
 * What a reading changes; the same reading again changes nothing. What a rule of another kind remembers under the same id counts
 * for nothing but whether the alert is raised.
 */
export function evaluateRule(
  rule: DeviceRule,
  known: RuleState,
  reading: NumericReading,
  surroundings: Surroundings,
): RuleEvaluation {
  const before = known.kind === rule.kind ? known : { ...initialState(rule, known.raised), held: known.held };
  if (rule.kind === 'absence') {
    if (before.kind !== 'absence') return { state: known, transitions: [] };
    const { state, transition } = hearReading(rule, before, reading, surroundings.arrivedUs);
    return { state: state === before ? known : state, transitions: atFirst(transition) };
  }
  if (before.kind === 'absence') return { state: known, transitions: [] };
  if (rule.lateness_s === 0 && before.waiting === undefined) {
    const { state, transitions } = evaluateInOrder(rule, before, [reading], surroundings);
    return { state: state === before ? known : state, transitions };
  }
  const released = takeIn(before, reading, rule.lateness_s * 1e6, surroundings.arrivedUs);
  if (released.left === undefined) return { state: known, transitions: [] };
  return release(rule, before, released, surroundings);
}

/** When time alone may change the state, Unix microseconds by the clock of the platform. */
export function dueUs(rule: DeviceRule, state: RuleState): number | undefined {
  if (rule.kind === 'absence') return state.kind === 'absence' ? absenceDueUs(rule, state) : undefined;
  return state.kind === 'absence' ? undefined : lettingGoUs(state, rule.lateness_s * 1e6);
}

/**
 * What time alone changes.
 *
 * @param atUs when the state was due
 * @param nowUs no reading has come until then
 */
export function evaluateTime(
  rule: DeviceRule,
  before: RuleState,
  device: string,
  atUs: number,
  nowUs: number,
  areaOf: Surroundings['areaOf'],
): RuleEvaluation {
  if (rule.kind === 'absence') {
    if (before.kind !== 'absence') return { state: before, transitions: [] };
    const { state, transition } = passTime(rule, device, before, atUs, nowUs);
    return { state, transitions: atFirst(transition) };
  }
  if (before.kind === 'absence') return { state: before, transitions: [] };
  return release(rule, before, letGo(before, device), { arrivedUs: atUs, areaOf });
}

function release(
  rule: HoldingRule,
  before: HoldingState & Told & Waiting,
  { readings, left }: Released,
  surroundings: Surroundings,
): RuleEvaluation {
  const { state, transitions } = evaluateInOrder(rule, before, readings, surroundings);
  return { state: { ...state, waiting: undefined, arrivedUs: undefined, ...left }, transitions };
}

function evaluateInOrder(
  rule: HoldingRule,
  before: HoldingState & Told & Waiting,
  readings: readonly NumericReading[],
  { areaOf }: Surroundings,
): { readonly state: HoldingState & Told & Waiting; readonly transitions: readonly PlacedTransition[] } {
  let state = before;
  const transitions: PlacedTransition[] = [];
  for (const [place, reading] of readings.entries()) {
    const after = evaluateKind(rule, state, reading, areaOf);
    if (after.state === state) continue;
    if (after.measured === undefined) {
      state = { ...state, ...after.state };
      continue;
    }
    const { told, transition } = tellMeasured(rule, reading.device, state, after.state, after.measured);
    const { watermarkUs } = state;
    state = { ...after.state, ...told, ...(watermarkUs !== undefined && { watermarkUs }) };
    if (transition !== undefined) transitions.push({ transition: withPosition(transition, reading), place });
  }
  return { state, transitions };
}

function atFirst(transition: RuleTransition | undefined): readonly PlacedTransition[] {
  return transition === undefined ? [] : [{ transition, place: 0 }];
}

function withPosition(transition: RuleTransition, { position }: NumericReading): RuleTransition {
  return position === undefined ? transition : { ...transition, position };
}

function evaluateKind(
  given: HoldingRule,
  before: HoldingState & Told,
  reading: NumericReading,
  areaOf: Surroundings['areaOf'],
): Evaluation<HoldingState> {
  const rule = given.flapping === undefined ? given : { ...given, clear_after_s: clearAfterS(given, before) };
  if (rule.kind === 'threshold' && before.kind === 'threshold') return evaluateThreshold(rule, before, reading);
  if (rule.kind === 'rate' && before.kind === 'rate') return evaluateRate(rule, before, reading);
  if (rule.kind === 'deviation' && before.kind === 'deviation') return evaluateDeviation(rule, before, reading);
  if (rule.kind === 'geofence' && before.kind === 'geofence') {
    return evaluateGeofence(rule, before, reading, areaOf(rule.zone));
  }
  return { state: before };
}
