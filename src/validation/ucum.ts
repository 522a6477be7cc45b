/**
 * Grammar of UCUM units, case sensitive (https://ucum.org/ucum §2): terms of prefixed units with exponents, products, quotients and
 * annotations. It says whether a code is a unit, not what it is worth.
 */
const words = (...lines: readonly string[]): ReadonlySet<string> => new Set(lines.join(' ').split(' '));

/** Units that take a prefix. */
const METRIC = words(
  'm s g rad K C cd mol sr Hz N Pa J W A V F Ohm S Wb Cel T H lm lx Bq Gy Sv l L ar t bar u eV pc [c] [h] [k] [eps_0] [mu_0] [e]',
  '[m_e] [m_p] [G] [g] [ly] gf Ky Gal dyn erg P Bi St Mx G Oe Gb sb Lmb ph Ci R RAD REM cal_[15] cal_[20] cal_m cal_IT cal_th cal',
  'tex m[H2O] m[Hg] eq osm g% kat U [iU] [IU] Np B B[SPL] B[V] B[mV] B[uV] B[10.nV] B[W] B[kW] st mho bit By Bd',
);

const PLAIN = words(
  "10* 10^ [pi] % [ppth] [ppm] [ppb] [pptr] gon deg ' '' min h d a_t a_j a_g a wk mo_s mo_j mo_g mo AU atm [lbf_av] [in_i] [ft_i]",
  '[yd_i] [mi_i] [fth_i] [nmi_i] [kn_i] [sin_i] [sft_i] [syd_i] [cin_i] [cft_i] [cyd_i] [bf_i] [cr_i] [mil_i] [cml_i] [hd_i]',
  '[ft_us] [yd_us] [in_us] [rd_us] [ch_us] [lk_us] [rch_us] [rlk_us] [fth_us] [fur_us] [mi_us] [acr_us] [srd_us] [smi_us] [sct]',
  '[twp] [mil_us] [in_br] [ft_br] [rd_br] [ch_br] [lk_br] [fth_br] [pc_br] [yd_br] [mi_br] [nmi_br] [kn_br] [acr_br] [gal_us]',
  '[bbl_us] [qt_us] [pt_us] [gil_us] [foz_us] [fdr_us] [min_us] [crd_us] [bu_us] [gal_wi] [pk_us] [dqt_us] [dpt_us] [tbs_us]',
  '[tsp_us] [cup_us] [foz_m] [cup_m] [tsp_m] [tbs_m] [gal_br] [pk_br] [bu_br] [qt_br] [pt_br] [gil_br] [foz_br] [fdr_br] [min_br]',
  '[gr] [lb_av] [oz_av] [dr_av] [scwt_av] [lcwt_av] [ston_av] [lton_av] [stone_av] [pwt_tr] [oz_tr] [lb_tr] [sc_ap] [dr_ap] [oz_ap]',
  '[lb_ap] [oz_m] [lne] [pnt] [pca] [pnt_pr] [pca_pr] [pied] [pouce] [ligne] [didot] [cicero] [degF] [degR] [degRe] [Cal] [Btu_39]',
  "[Btu_59] [Btu_60] [Btu_m] [Btu_IT] [Btu_th] [Btu] [HP] [den] [in_i'H2O] [in_i'Hg] [PRU] [wood'U] [diop] [p'diop] %[slope]",
  "[mesh_i] [Ch] [drp] [hnsf'U] [MET] [hp'_X] [hp'_C] [hp'_M] [hp'_Q] [hp_X] [hp_C] [hp_M] [hp_Q] [kp_X] [kp_C] [kp_M] [kp_Q] [pH]",
  "[S] [HPF] [LPF] [arb'U] [USP'U] [GPL'U] [MPL'U] [APL'U] [beth'U] [anti'Xa'U] [todd'U] [dye'U] [smgy'U] [bdsk'U] [ka'U] [knk'U]",
  "[mclg'U] [tb'U] [CCID_50] [TCID_50] [EID_50] [PFU] [FFU] [CFU] [IR] [BAU] [AU] [Amb'a'1'U] [PNU] [Lf] [D'ag'U] [FEU] [ELU] [EU]",
  'Ao b att [psi] circ sph [car_m] [car_Au] [smoot] [m/s2/Hz^(1/2)] [NTU] [FNU] bit_s',
);

const PREFIXES = words('Y Z E P T G M k h da d c m u n p f a z y Ki Mi Gi Ti');

/** Longest unit first is not needed: the whole symbol is looked up. */
function isSymbol(symbol: string): boolean {
  if (PLAIN.has(symbol) || METRIC.has(symbol)) return true;
  for (let length = 1; length <= 2 && length < symbol.length; length++) {
    if (PREFIXES.has(symbol.slice(0, length)) && METRIC.has(symbol.slice(length))) return true;
  }
  return false;
}

/** Symbol (digits may be inside, as in `10*`, or in brackets), exponent, annotation. */
const COMPONENT = /(?:(10[*^]|(?:\[[^\][\s{}]+\]|[^\][\s{}()./0-9+-])+(?:_\[\d+\])?)([+-]?\d+)?|(\d+))?(\{[^{}]*\})?/y;
const MOST_NESTED = 16;

function isTerm(text: string): boolean {
  let at = 0;
  let open = 0;
  if (text.startsWith('/')) at++;
  for (;;) {
    while (text[at] === '(') {
      at++;
      if (++open > MOST_NESTED) return false;
    }
    COMPONENT.lastIndex = at;
    const match = COMPONENT.exec(text);
    if (match === null || match[0] === '') return false;
    if (match[1] !== undefined && !isSymbol(match[1])) return false;
    at = COMPONENT.lastIndex;
    while (text[at] === ')') {
      at++;
      if (--open < 0) return false;
    }
    if (at === text.length) return open === 0;
    if (text[at] !== '.' && text[at] !== '/') return false;
    at++;
    // Not in the grammar, but HL7's engine takes a quotient of a quotient.
    if (text[at] === '/') at++;
  }
}

const KNOWN = new Map<string, boolean>();
/** Units in use are few; a hostile sender's must not fill the memory. */
const MOST_KNOWN = 2_000;
const MOST_LENGTH = 128;

export function isUnit(code: string): boolean {
  const known = KNOWN.get(code);
  if (known !== undefined) return known;
  if (code.length === 0 || code.length > MOST_LENGTH) return false;
  const valid = isTerm(code);
  if (KNOWN.size >= MOST_KNOWN) KNOWN.clear();
  KNOWN.set(code, valid);
  return valid;
}
