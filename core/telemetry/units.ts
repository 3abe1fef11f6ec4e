/** SenML units (RFC 8428 section 12.1 and the IANA registry) and the secondary units of RFC 8798. */
const PRIMARY_UNITS: ReadonlySet<string> = new Set(
  (
    'm kg g s A K cd mol Hz rad sr N Pa J W C V F Ohm S Wb T H Cel lm lx Bq Gy Sv kat m2 m3 l m/s m/s2 m3/s l/s W/m2 ' +
    'cd/m2 bit bit/s lat lon pH dB dBW Bspl count / % %RH %EL EL 1/s 1/min beat/min beats S/m B VA VAs var vars J/m ' +
    'kg/m3 deg NTU'
  ).split(' '),
);

interface Conversion {
  readonly unit: string;
  readonly multiply?: number;
  readonly divide?: number;
  readonly add?: number;
}

const SECONDARY_UNITS: ReadonlyMap<string, Conversion> = new Map<string, Conversion>([
  ['ms', { unit: 's', divide: 1000 }],
  ['min', { unit: 's', multiply: 60 }],
  ['h', { unit: 's', multiply: 3600 }],
  ['MHz', { unit: 'Hz', multiply: 1e6 }],
  ['kW', { unit: 'W', multiply: 1000 }],
  ['kVA', { unit: 'VA', multiply: 1000 }],
  ['kvar', { unit: 'var', multiply: 1000 }],
  ['Ah', { unit: 'C', multiply: 3600 }],
  ['Wh', { unit: 'J', multiply: 3600 }],
  ['kWh', { unit: 'J', multiply: 3.6e6 }],
  ['varh', { unit: 'vars', multiply: 3600 }],
  ['kvarh', { unit: 'vars', multiply: 3.6e6 }],
  ['VAh', { unit: 'VAs', multiply: 3600 }],
  ['kVAh', { unit: 'VAs', multiply: 3.6e6 }],
  ['Wh/km', { unit: 'J/m', multiply: 3.6 }],
  ['KiB', { unit: 'B', multiply: 1024 }],
  ['GB', { unit: 'B', multiply: 1e9 }],
  ['Mbit/s', { unit: 'bit/s', multiply: 1e6 }],
  ['B/s', { unit: 'bit/s', multiply: 8 }],
  ['MB/s', { unit: 'bit/s', multiply: 8e6 }],
  ['mV', { unit: 'V', divide: 1000 }],
  ['mA', { unit: 'A', divide: 1000 }],
  ['dBm', { unit: 'dBW', add: -30 }],
  ['ug/m3', { unit: 'kg/m3', divide: 1e9 }],
  ['ug/l', { unit: 'kg/m3', divide: 1e6 }],
  ['mg/l', { unit: 'kg/m3', divide: 1000 }],
  ['g/l', { unit: 'kg/m3' }],
  ['mm/h', { unit: 'm/s', divide: 3.6e6 }],
  ['m/h', { unit: 'm/s', divide: 3600 }],
  ['ppm', { unit: '/', divide: 1e6 }],
  ['ppb', { unit: '/', divide: 1e9 }],
  ['ppt', { unit: '/', divide: 1e12 }],
  ['/100', { unit: '/', divide: 100 }],
  ['/1000', { unit: '/', divide: 1000 }],
  ['hPa', { unit: 'Pa', multiply: 100 }],
  ['mm', { unit: 'm', divide: 1000 }],
  ['cm', { unit: 'm', divide: 100 }],
  ['km', { unit: 'm', multiply: 1000 }],
  ['km/h', { unit: 'm/s', divide: 3.6 }],
]);

export interface PrimaryUnit {
  readonly unit: string;
  /** Converts a value in the given unit to the primary unit. */
  toPrimary(value: number): number;
  /** Converts a difference or a sum: scaled, not shifted. */
  scaleToPrimary(value: number): number;
}

const identity = (value: number): number => value;

/** The primary unit that readings in `unit` are stored in; undefined when SenML does not know the unit. */
export function primaryUnitOf(unit: string): PrimaryUnit | undefined {
  if (PRIMARY_UNITS.has(unit)) return { unit, toPrimary: identity, scaleToPrimary: identity };
  const conversion = SECONDARY_UNITS.get(unit);
  if (conversion === undefined) return undefined;
  const { multiply = 1, divide = 1, add = 0 } = conversion;
  const scale = (value: number): number => (value * multiply) / divide;
  return { unit: conversion.unit, toPrimary: (value) => scale(value) + add, scaleToPrimary: scale };
}
