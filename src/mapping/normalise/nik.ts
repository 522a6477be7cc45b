/**
 * Whether a NIK fits the birth date and sex that came with it: `PPKKCC DDMMYY SSSS`, women with 40 added to the day.
 * The region part says nothing about residence and is not looked at. Numbers that are no 16 digits fit nothing.
 */
export function checkNik(nik: string, birthDate: string | undefined, sex: string | undefined): boolean {
  if (!/^\d{16}$/.test(nik)) return false;
  const coded = Number(nik.slice(6, 8));
  const female = coded > 40;
  if (sex === 'male' || sex === 'female') {
    if (female !== (sex === 'female')) return false;
  }
  const birth = birthDate === undefined ? null : /^\d{2}(\d{2})-(\d{2})-(\d{2})$/.exec(birthDate);
  if (!birth) return true;
  const day = String(female ? coded - 40 : coded).padStart(2, '0');
  return nik.slice(10, 12) === birth[1] && nik.slice(8, 10) === birth[2] && day === birth[3];
}
