import { FIELD_KINDS, type FieldKind } from './field/field-scenario.ts';

/** Of the field scenarios those that are none of the first two: a quiet field is calm, and quakes may come again and again. */
export type FieldName = Exclude<FieldKind, 'quiet' | 'quake'>;

const FIELD_NAMES = FIELD_KINDS.filter((kind): kind is FieldName => kind !== 'quiet' && kind !== 'quake');

export const SCENARIOS = ['calm', 'quake', ...FIELD_NAMES] as const;
