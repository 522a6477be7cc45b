/** What the run of the engines ends with. Null: not measured, for the reason in `missing`. */
export interface Summary {
  readonly mutations: number;
  /** Of the mutations, those with the verdict of HL7's engine. */
  readonly agreePct: number | null;
  /** Sound bodies and mutations, and valid cases of `--cases`, that only we refuse. */
  readonly falseAlarms: number | null;
  readonly fmlProbes: number | null;
  readonly fmlSilentlyWrong: number | null;
  readonly fmlDifferential: { readonly maps: number; readonly equal: number } | null;
  readonly rulesDecidable: number;
  readonly rulesImplemented: number;
  readonly cases?: { readonly cases: number; readonly right: number };
  readonly maps?: { readonly maps: number; readonly right: number };
  readonly missing?: readonly string[];
}

/** The limits that were measured and do not hold. */
export function faultsOf(summary: Summary): readonly string[] {
  const { mutations, agreePct, falseAlarms, fmlSilentlyWrong, fmlDifferential, rulesDecidable, rulesImplemented, cases, maps } = summary;
  const faults: [boolean, string][] = [
    [agreePct !== null && (mutations === 0 || agreePct < 99), `agreement ${agreePct} % of ${mutations} mutations, at least 99 % wanted`],
    [(falseAlarms ?? 0) > 0, `${falseAlarms} false alarms`],
    [(fmlSilentlyWrong ?? 0) > 0, `${fmlSilentlyWrong} FML probes silently wrong`],
    [
      fmlDifferential !== null && fmlDifferential.equal < fmlDifferential.maps,
      `maps: ${fmlDifferential?.equal} of ${fmlDifferential?.maps} equal`,
    ],
    [rulesImplemented < rulesDecidable, `rules: ${rulesImplemented} of ${rulesDecidable} decidable ones refuse what breaks them`],
    [cases !== undefined && cases.right < cases.cases, `cases: ${cases?.right} of ${cases?.cases} right`],
    [maps !== undefined && maps.right < maps.maps, `maps given: ${maps?.right} of ${maps?.maps} right`],
  ];
  return faults.filter(([isFault]) => isFault).map(([, text]) => text);
}
