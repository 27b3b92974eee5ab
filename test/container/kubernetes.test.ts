import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readConfig, VARIABLES } from '../../src/config.ts';
import { METRICS } from '../../src/metrics/catalogue.ts';
import { readDockerfile, readRootFile } from './dockerfile.ts';

interface Manifest {
  kind: string;
  metadata: { name: string };
  // biome-ignore lint/suspicious/noExplicitAny: manifests of every kind.
  spec: any;
}

const read = (path: string) => parseAllDocuments(readRootFile(`deploy/kubernetes/${path}`)).map((document) => document.toJS() as Manifest);
const manifests = ['base/serve.yaml', 'base/work.yaml', 'base/network-policy.yaml', 'gpu/work-gpu.yaml'].flatMap(read);
const of = (kind: string) => manifests.filter((manifest) => manifest.kind === kind);
const deployments = of('Deployment').map((deployment) => ({
  name: deployment.metadata.name,
  deployment,
  pod: deployment.spec.template.spec,
  labels: deployment.spec.template.metadata.labels as Record<string, string>,
  container: deployment.spec.template.spec.containers[0],
}));
const kustomizations = ['base', 'gpu'].map((folder) => parse(readRootFile(`deploy/kubernetes/${folder}/kustomization.yaml`)));
const [base] = kustomizations;
const literals: string[] = base.configMapGenerator[0].literals;

describe.each(deployments)('$name', ({ name, deployment, pod, labels, container }) => {
  it('may do as little as it can with', () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001 },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath)).toEqual(['/data', '/tmp']);
    expect(Object.keys(container.resources.limits)).toContain('memory');
  });

  it('runs a command and an image that there are, with time to give back what it has', () => {
    expect(['serve', 'work']).toContain(container.args[0]);
    expect(kustomizations.flatMap(({ images }) => images.map((image: { name: string }) => image.name))).toContain(container.image);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(15);
    expect(labels).toMatchObject(deployment.spec.selector.matchLabels);
  });

  it('is probed where it listens', () => {
    const ports = Object.fromEntries(
      container.ports.map((port: { name: string; containerPort: number }) => [port.name, port.containerPort]),
    );
    const path = container.args[0] === 'serve' ? '/healthz' : '/metrics';
    for (const probe of ['startupProbe', 'livenessProbe']) {
      expect(container[probe].httpGet.path).toBe(path);
      expect(ports).toHaveProperty(container[probe].httpGet.port);
    }
    const metrics = container.env?.find((variable: { name: string }) => variable.name === 'ESPALIER_WORKER_METRICS')?.value;
    expect(ports).toEqual(name === 'espalier-serve' ? { http: 8080 } : { metrics: Number(metrics.split(':').at(-1)) });
  });

  it('sets variables that there are, to what they may be', () => {
    const own = (container.env ?? []).map(({ name: variable, value = '2' }: { name: string; value?: string }) => [variable, value]);
    const shared = literals.map((literal) => [literal.slice(0, literal.indexOf('=')), literal.slice(literal.indexOf('=') + 1)]);
    const environment = Object.fromEntries([...shared, ...own]) as Record<string, string>;
    const known = VARIABLES.map((variable) => variable.name);
    for (const variable of Object.keys(environment)) expect(known).toContain(variable);
    expect(readConfig({ ...environment, DATABASE_URL: 'postgres://db/espalier' })).toMatchObject({
      s3: { bucket: 'espalier' },
      apiKeysFile: null,
    });
    expect(container.envFrom.map((source: Record<string, unknown>) => Object.keys(source)[0])).toEqual(['configMapRef', 'secretRef']);
  });
});

it('budgets, autoscalers, services and policies name pods that there are', () => {
  const matches = (selector: { matchLabels?: Record<string, string>; matchExpressions?: { key: string; values: string[] }[] }) =>
    deployments.some(
      ({ labels }) =>
        Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
        (selector.matchExpressions ?? []).every(({ key, values }) => values.includes(labels[key] ?? '')),
    );
  for (const budget of of('PodDisruptionBudget')) expect(matches(budget.spec.selector), budget.metadata.name).toBe(true);
  for (const policy of of('NetworkPolicy')) expect(matches(policy.spec.podSelector), policy.metadata.name).toBe(true);
  for (const service of of('Service')) expect(matches({ matchLabels: service.spec.selector }), service.metadata.name).toBe(true);
  const names = deployments.map(({ name }) => name);
  for (const scaler of of('HorizontalPodAutoscaler')) expect(names).toContain(scaler.spec.scaleTargetRef.name);
  expect([of('PodDisruptionBudget').length, of('HorizontalPodAutoscaler').length]).toEqual([2, 2]);
});

it('workers are scaled by a metric that the adapter makes of one that servers have', () => {
  const { rules } = parse(readRootFile('deploy/kubernetes/prometheus-adapter.yaml'));
  const [rule] = rules.external;
  const [work] = of('HorizontalPodAutoscaler').filter(({ metadata }) => metadata.name === 'espalier-work');
  expect(work!.spec.metrics[0].external.metric.name).toBe(rule.name.as);
  expect(Object.keys(METRICS)).toContain('espalier_jobs');
  expect(rule.metricsQuery).toContain('espalier_jobs{status=');
});

it('the image listens on the port of the Service', () => {
  expect(JSON.stringify(readDockerfile())).toContain('8080');
});
