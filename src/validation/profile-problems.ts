import { problemsOf } from '../errors/index.ts';

/** Everything that can be wrong with a profile, a value set or an expression of `profiles/`, Indonesian first. */
export const PROFILE_PROBLEMS = {
  derivation: { id: 'derivation bukan "constraint"', en: 'derivation is not "constraint"' },
  type: { id: 'tipe {type} tidak dikenal', en: 'type {type} is not known' },
  limit: { id: '{element}: min atau max bukan bilangan bulat', en: '{element}: min or max is no whole number' },
  base: { id: 'definisi dasarnya tidak tercakup', en: 'its base definition is not covered' },
  'min-below': {
    id: '{element}: min {min} kurang dari min {base} pada dasarnya',
    en: '{element}: min {min} is less than the min {base} of its base',
  },
  'max-above': {
    id: '{element}: max {max} lebih dari max {base} pada dasarnya',
    en: '{element}: max {max} is more than the max {base} of its base',
  },
  'min-max': { id: '{element}: min {min} lebih dari max {max}', en: '{element}: min {min} is more than max {max}' },
  'other-type': {
    id: '{element}: tipe {type} bukan salah satu tipe pada dasarnya ({types})',
    en: '{element}: type {type} is not among the types of its base ({types})',
  },
  'other-target': {
    id: '{element}: rujukan ke {type} tidak diperbolehkan pada dasarnya ({types})',
    en: '{element}: a reference to {type} is not allowed by its base ({types})',
  },
  'no-expression': { id: '{element}: invarian {key} tidak punya ekspresi', en: '{element}: invariant {key} has no expression' },
  'other-root': { id: 'elemen {element} bukan dari {type}', en: 'element {element} is not of {type}' },
  twice: { id: '{element} tertulis dua kali', en: '{element} stands twice' },
  reslice: { id: '{element}: slice dari slice tidak tercakup', en: '{element}: slices of slices are not covered' },
  'not-covered': { id: '{element}: {what} tidak tercakup', en: '{element}: {what} is not covered' },
  'no-element': { id: '{element}: tidak ada elemen itu di R4', en: '{element}: no such element in R4' },
  'several-types': {
    id: '{element}: anak dari elemen dengan beberapa tipe',
    en: '{element}: children of an element with several types',
  },
  'codes-unknown': { id: '{element}: kode dari {url} tidak dikenal', en: '{element}: the codes of {url} are not known' },
  'target-unknown': { id: '{element}: sasaran {url} tidak dikenal', en: '{element}: target {url} is not known' },
  'profile-unknown': { id: '{element}: profil {url} tidak dikenal', en: '{element}: profile {url} is not known' },
  'no-slicing': { id: '{element}: slice tanpa slicing', en: '{element}: slices without slicing' },
  'no-discriminator': { id: '{element}: slicing tanpa discriminator', en: '{element}: slicing without discriminator' },
  'slice-type': { id: '{element}: slice menurut tipe tanpa tipe', en: '{element}: a slice by type without a type' },
  'slice-exists': { id: '{element}: tidak wajib dan tidak dilarang di {path}', en: '{element}: neither there nor absent at {path}' },
  'slice-profile': {
    id: '{element}: slice menurut profil tanpa profil di {path}',
    en: '{element}: a slice by profile without a profile at {path}',
  },
  'slice-value': {
    id: '{element}: tidak ada nilai tetap, pola, atau value set wajib di {path}',
    en: '{element}: no fixed value, pattern or required value set at {path}',
  },
  exclude: { id: 'exclude tidak tercakup', en: 'exclude is not covered' },
  expression: { id: '{key}: {problem} pada karakter {at}', en: '{key}: {problem} at character {at}' },
} as const;

/** Says what is wrong with a profile. */
export const profileSays = problemsOf(PROFILE_PROBLEMS);

/** Everything that can be wrong with a FHIRPath expression. */
export const EXPRESSION_PROBLEMS = {
  'no-fhirpath': { id: 'bukan FHIRPath', en: 'not FHIRPath' },
  long: { id: 'ekspresi terlalu panjang', en: 'the expression is too long' },
  unexpected: { id: 'teks yang tidak terduga', en: 'unexpected text' },
  missing: { id: '"{symbol}" tidak ada', en: '"{symbol}" is missing' },
  deep: { id: 'bertingkat terlalu dalam', en: 'nested too deeply' },
  'no-name': { id: 'nama tidak ada', en: 'a name is missing' },
  'literal-pattern': { id: 'hanya pola literal yang dikompilasi', en: 'only a literal pattern is compiled' },
  'endless-pattern': { id: 'pola yang mungkin tidak pernah selesai', en: 'a pattern that may never end' },
  'no-pattern': { id: 'bukan ekspresi reguler', en: 'not a regular expression' },
  operator: { id: 'operator {name} tidak dikompilasi', en: 'operator {name} is not compiled' },
  constant: { id: '%{name} tidak dikenal', en: '%{name} is not known' },
  'needs-type': { id: '{name}() memerlukan tipe', en: '{name}() needs a type' },
  function: { id: '{name}() tidak dikompilasi', en: '{name}() is not compiled' },
  arguments: { id: '{name}() mempunyai argumen lain', en: '{name}() has other arguments' },
} as const;

/** Says what is wrong with an expression. */
export const expressionSays = problemsOf(EXPRESSION_PROBLEMS);
