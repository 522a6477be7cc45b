import { ageInDays, ageInMonths } from './calendar.ts';
import type { Person } from './people.ts';
import type { Random } from './random.ts';

/**
 * Rough medians by age in months: weight kg, length/height cm, head circumference cm. Good enough for a plausible child; they are not the
 * WHO tables and nothing is classified from them.
 */
const GROWTH: ReadonlyArray<readonly [months: number, weight: number, height: number, head: number]> = [
  [0, 3.2, 49.5, 34.5],
  [1, 4.2, 54, 37],
  [2, 5.2, 57.5, 38.7],
  [3, 5.9, 60.5, 40],
  [4, 6.5, 63, 41],
  [6, 7.3, 66.5, 42.8],
  [9, 8.2, 71, 44.5],
  [12, 8.9, 74.5, 45.5],
  [18, 10.1, 81, 46.8],
  [24, 11.3, 86.3, 47.8],
  [36, 13.4, 94.5, 49],
  [48, 15.3, 101.5, 49.8],
  [60, 17, 107.8, 50.3],
  [72, 19, 113.5, 51],
  [96, 24, 124, 52],
  [120, 29.5, 135, 53],
  [144, 37, 146, 54],
  [168, 45, 156, 55],
  [216, 53, 162, 55.5],
];

const round1 = (value: number): number => Math.round(value * 10) / 10;

function medians(months: number): { weight: number; height: number; head: number } {
  const after = GROWTH.findIndex(([at]) => at >= months);
  const b = GROWTH[after === -1 ? GROWTH.length - 1 : after] as (typeof GROWTH)[number];
  const a = GROWTH[Math.max(0, (after === -1 ? GROWTH.length : after) - 1)] as (typeof GROWTH)[number];
  const part = b[0] === a[0] ? 0 : Math.min(1, (months - a[0]) / (b[0] - a[0]));
  const between = (index: 1 | 2 | 3): number => a[index] + (b[index] - a[index]) * part;
  return { weight: between(1), height: between(2), head: between(3) };
}

export interface ChildBody {
  weight: number;
  height: number;
  headCircumference: number;
  lila?: number;
  /** Recumbent below 24 months, standing from then on. */
  posture: 'terlentang' | 'berdiri';
}

/** Measurements of a child or adolescent; the spread holds some short and some thin children, as a real posyandu does. */
export function childBody(person: Person, random: Random): ChildBody {
  const months = ageInDays(person.birthDate) / 30.4375;
  const { weight, height, head } = medians(months);
  const girl = person.sex === 'female' ? 0.96 : 1;
  return {
    weight: round1(weight * girl * random.decimal(0.85, 1.12, 4)),
    height: round1(height * (person.sex === 'female' ? 0.99 : 1) * random.decimal(0.95, 1.04, 4)),
    headCircumference: round1(head * random.decimal(0.975, 1.02, 4)),
    ...(ageInMonths(person.birthDate) >= 6 && { lila: random.decimal(12.6, 16.4, 1) }),
    posture: ageInMonths(person.birthDate) < 24 ? 'terlentang' : 'berdiri',
  };
}

export interface AdultBody {
  weight: number;
  height: number;
  waist: number;
  lila: number;
  systolic: number;
  diastolic: number;
  heartRate: number;
  respiratoryRate: number;
  temperature: number;
}

/** Measurements of an adult; blood pressure rises with age, one in three of the elderly is hypertensive. */
export function adultBody(person: Person, random: Random): AdultBody {
  const years = ageInMonths(person.birthDate) / 12;
  const height = round1(person.sex === 'female' ? random.decimal(146, 162, 1) : random.decimal(156, 174, 1));
  const bmi = random.decimal(18, years > 60 ? 26 : 30, 2);
  const high = random.chance(years < 40 ? 0.1 : years < 60 ? 0.3 : 0.4);
  const systolic = high ? random.int(140, 176) : random.int(104, 134);
  return {
    weight: round1(bmi * (height / 100) ** 2),
    height,
    waist: round1(random.decimal(68, 104, 1)),
    lila: random.decimal(22.5, 31, 1),
    systolic,
    diastolic: high ? random.int(88, 102) : random.int(64, 84),
    heartRate: random.int(66, 96),
    respiratoryRate: random.int(16, 20),
    temperature: random.decimal(36.2, 37.1, 1),
  };
}
