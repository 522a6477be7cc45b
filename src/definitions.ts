import type { Resource } from '@medplum/fhirtypes';
import { type AssetTexts, packageVersion } from './config/index.ts';
import { dueCodeSystem } from './due/index.ts';
import type { Engines } from './engines.ts';
import { ILP_BASE } from './terminology/systems.ts';

export type Definition = Resource & { readonly id: string };

/** Folder of `profiles/` whose files are published as they are. */
const OWN = 'ilp/';

/**
 * What the service works by, as FHIR: our profiles, extensions, code systems, value sets and naming systems as they stand in `profiles/ilp`, and
 * the maps and concept maps that texts and tables are compiled to. By type and id.
 *
 * @param version of the maps
 */
export function definitionsOf(
  profiles: AssetTexts,
  { mapper, catalogue, due }: Pick<Engines, 'mapper' | 'catalogue' | 'due'>,
  version: string,
): readonly Definition[] {
  const own = Object.entries(profiles)
    .filter(([name]) => name.startsWith(OWN))
    .map(([, text]) => JSON.parse(text) as Definition);
  const made = [...mapper.structureMaps, ...Object.values(catalogue.conceptMaps), dueCodeSystem(due.tables)].map((resource): Definition => {
    const { resourceType, url = '', ...rest } = resource;
    return { resourceType, id: url.slice(url.lastIndexOf('/') + 1), url, version, ...rest } as Definition;
  });
  return [...own, ...made].sort((a, b) => (`${a.resourceType}/${a.id}` < `${b.resourceType}/${b.id}` ? -1 : 1));
}

/** A file of a FHIR package, by its name in the folder `package`. */
export type PackageFiles = Readonly<Record<string, string>>;

/**
 * The definitions as a FHIR package (https://hl7.org/fhir/packages.html): `package.json`, `.index.json`, and a file for each resource.
 *
 * @param version of the package, semver
 */
export function packageFiles(definitions: readonly Definition[], version: string = packageVersion()): PackageFiles {
  const fileOf = ({ resourceType, id }: Definition) => `${resourceType}-${id}.json`;
  const manifest = {
    name: 'id.ilp.fhir.r4',
    version,
    description: 'Integrasi Layanan Primer: profil, istilah dan pemetaan / profiles, terminology and maps of primary care in Indonesia',
    license: 'Apache-2.0',
    author: 'ILP–FHIR adapter',
    type: 'IG',
    canonical: ILP_BASE,
    url: ILP_BASE,
    title: 'ILP FHIR R4',
    fhirVersions: ['4.0.1'],
    'fhir-version-list': ['4.0.1'],
    dependencies: { 'hl7.fhir.r4.core': '4.0.1' },
    directories: { lib: 'package' },
  };
  const index = {
    'index-version': 1,
    files: definitions.map((one) => {
      const { url, version: own, kind, type, supplements, content } = one as unknown as Readonly<Record<string, string | undefined>>;
      const of = one.resourceType;
      return {
        filename: fileOf(one),
        resourceType: of,
        id: one.id,
        ...(url !== undefined && { url }),
        ...(own !== undefined && { version: own }),
        ...(of === 'StructureDefinition' && { kind, type }),
        ...(of === 'CodeSystem' && { content, ...(supplements !== undefined && { supplements }) }),
      };
    }),
  };
  const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return Object.fromEntries([
    ['package.json', text(manifest)],
    ['.index.json', text(index)],
    ...definitions.map((one) => [fileOf(one), text(one)]),
  ]);
}
