{{- /* The labels that selectors rely on. The instance is not among them: some GitOps tools rewrite it.
Arguments: the root, the component. */ -}}
{{- define "stridegate.selector" -}}
app.kubernetes.io/name: stridegate
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- /* The labels of every object. Arguments: the root, the component. */ -}}
{{- define "stridegate.labels" -}}
{{- $root := index . 0 -}}
{{ include "stridegate.selector" . }}
app.kubernetes.io/part-of: stridegate
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end }}

{{- /* The image. Arguments: the root, the suffix of its tag, its digest. */ -}}
{{- define "stridegate.image" -}}
{{- $image := (index . 0).Values.image -}}
{{- if index . 2 -}}
{{ $image.repository }}@{{ index . 2 }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}{{ index . 1 }}
{{- end -}}
{{- end }}

{{- define "stridegate.image.full" -}}{{ include "stridegate.image" (list . "" .Values.image.digest) }}{{- end }}
{{- define "stridegate.image.slim" -}}{{ include "stridegate.image" (list . "-slim" .Values.image.slimDigest) }}{{- end }}

{{- define "stridegate.replicas.webhook" -}}
{{ .Values.webhook.replicas | default (eq .Values.preset "production" | ternary 3 1) }}
{{- end }}

{{- define "stridegate.replicas.operator" -}}
{{ .Values.operator.replicas | default (eq .Values.preset "production" | ternary 2 1) }}
{{- end }}

{{- /* Where network, DNS and storage of a node live that are not in kube-system, by what `platform` calls them. Cilium,
Antrea, Weave and the clouds' own are in kube-system. */ -}}
{{- define "stridegate.platforms" -}}
calico: [calico-system, tigera-operator]
flannel: [kube-flannel]
longhorn: [longhorn-system]
openshift:
  - openshift-cluster-csi-drivers
  - openshift-cluster-storage-operator
  - openshift-dns
  - openshift-dns-operator
  - openshift-machine-config-operator
  - openshift-multus
  - openshift-network-operator
  - openshift-ovn-kubernetes
ovn-kubernetes: [ovn-kubernetes]
rook-ceph: [rook-ceph]
{{- end }}

{{- /* The namespaces that the administrator takes out of the webhook's reach, as JSON. */ -}}
{{- define "stridegate.excluded.chosen" -}}
{{- $platforms := include "stridegate.platforms" . | fromYaml -}}
{{- $chosen := list -}}
{{- range .Values.platform -}}
{{- $chosen = concat $chosen (index $platforms .) -}}
{{- end -}}
{{- concat $chosen .Values.excludedNamespaces | uniq | toJson -}}
{{- end }}

{{- /* The namespaces that the webhook never sees, as JSON: those that have to work before it does, and those that the
administrator chose. The canary's namespace is never among them. */ -}}
{{- define "stridegate.excluded" -}}
{{- $own := ternary (list .Release.Namespace "stridegate-scanner") (list .Release.Namespace) .Values.scanner.enabled -}}
{{- concat (list "kube-system") $own (include "stridegate.excluded.chosen" . | fromJsonArray) | uniq | toJson -}}
{{- end }}
