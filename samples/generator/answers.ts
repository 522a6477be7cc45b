import type { Person } from './people.ts';
import type { Random } from './random.ts';

type Answers = Record<string, unknown>;

export function ancAnswers(_contact: string, _weeks: number, _random: Random): Answers {
  return {};
}
export function mtbsAnswers(_diagnosis: string, _person: Person, _temperature: number, _random: Random): Answers {
  return {};
}
export function ncdAnswers(_random: Random): Answers {
  return {};
}
export function elderlyAnswers(_random: Random): Answers {
  return {};
}
export function tbAnswers(_young: boolean, _random: Random): Answers {
  return {};
}
export function laboratoryAnswers(): Answers {
  return {};
}
export function educationAnswers(_topic: string, _random: Random): Answers {
  return {};
}
export function vitaminAAnswers(_months: number): Answers {
  return {};
}
export function dewormingAnswers(_months: number): Answers {
  return {};
}
export function ironAnswers(_who: string): Answers {
  return {};
}
export function homeVisitAnswers(_group: string, danger: boolean, _random: Random): { answers: Answers; dangerSigns: string[] } {
  return { answers: {}, dangerSigns: danger ? ['demam'] : [] };
}
