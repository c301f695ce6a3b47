{{- /* What the schema cannot say: combinations that would break the cluster or leave it without protection. */ -}}
{{- define "stridegate.refusals" -}}
{{- if has .Release.Namespace (list "kube-system" "kube-public" "kube-node-lease" "default" "stridegate-canary" "stridegate-scanner") -}}
{{- fail (printf "release namespace: must be Stridegate's own, such as stridegate-system, since the webhook leaves it out; got %s" .Release.Namespace) -}}
{{- end -}}
{{- if and (eq .Values.preset "production") (lt (int (include "stridegate.replicas.webhook" .)) 2) -}}
{{- fail "webhook.replicas: must be at least 2 in the preset production, since pods are refused while no replica answers; got 1" -}}
{{- end -}}
{{- if and .Values.exec.exact (not .Values.exec.enabled) -}}
{{- fail "exec.exact: must go with exec.enabled: true, since the webhook is not asked about exec without it" -}}
{{- end -}}
{{- if ne (empty .Values.tls.clientCA) (empty .Values.tls.clientNames) -}}
{{- fail "tls.clientCA, tls.clientNames: must be given together, since an authority signs for others than the API server, too; got one of them" -}}
{{- end -}}
{{- include "stridegate.refusals.tolerations" . -}}
{{- include "stridegate.refusals.paths" . -}}
{{- include "stridegate.refusals.resources" . -}}
{{- if eq .Values.image.tag "latest" -}}
{{- fail "image.tag: must name a version, since latest is another image on another day; got latest" -}}
{{- end -}}
{{- if has "stridegate-canary" .Values.excludedNamespaces -}}
{{- fail "excludedNamespaces: must not name stridegate-canary, where dry-runs prove that the webhook is asked" -}}
{{- end -}}
{{- $embedding := list -}}
{{- range .Values.podTemplates -}}
{{- $embedding = append $embedding (printf "%s/%s/%s" .group .version .resource) -}}
{{- end -}}
{{- if ne (len $embedding) (len (uniq $embedding)) -}}
{{- fail (printf "podTemplates: must name a resource once; got %s" (join ", " $embedding)) -}}
{{- end -}}
{{- if ge (int .Values.webhook.maxUnavailable) (max 2 (int (include "stridegate.replicas.webhook" .))) -}}
{{- fail (printf "webhook.maxUnavailable: must be below the number of replicas, or a drain could take them all; got %d of %d" (int .Values.webhook.maxUnavailable) (int (include "stridegate.replicas.webhook" .))) -}}
{{- end -}}
{{- end }}

{{- /* What the API server would refuse in the middle of an installation (`k8s.io/kubernetes/pkg/apis/core/validation`). */ -}}
{{- define "stridegate.refusals.tolerations" -}}
{{- range $component := list "webhook" "operator" "scanner" -}}
{{- range $index, $each := (index $.Values $component).tolerations -}}
{{- $place := printf "%s.tolerations[%d]" $component $index -}}
{{- if and (eq (toString $each.operator) "Exists") $each.value -}}
{{- fail (printf "%s: must have no value with the operator Exists; got %s" $place $each.value) -}}
{{- end -}}
{{- if and (not $each.key) (ne (toString $each.operator) "Exists") -}}
{{- fail (printf "%s: must have a key, or the operator Exists, which tolerates every taint; got neither" $place) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "stridegate.refusals.paths" -}}
{{- range $name, $profile := .Values.scanner.profiles -}}
{{- range concat $profile.paths $.Values.scanner.paths -}}
{{- if or (regexMatch "^/(run|var/run|proc|sys|dev)(/|$)" .) (eq . "/var") -}}
{{- fail (printf "scanner paths of the profile %s: must not reach /run, /proc, /sys or /dev, whose sockets and devices the container that reads files must not have; got %s" $name .) -}}
{{- end -}}
{{- if has . $profile.masked -}}
{{- fail (printf "scanner.profiles.%s.masked: must lie below a path that is mounted, or that is better left out; got %s, which is one" $name .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "stridegate.refusals.resources" -}}
{{- $all := dict "webhook" .Values.webhook "operator" .Values.operator "scanner" .Values.scanner "scanner.reader" .Values.scanner.reader -}}
{{- range $component, $values := $all -}}
{{- range $resource, $limit := $values.resources.limits -}}
{{- $request := index $values.resources.requests $resource | default 0 -}}
{{- if gt (include "stridegate.quantity" $request | float64) (include "stridegate.quantity" $limit | float64) -}}
{{- fail (printf "%s.resources: requests.%s must be at most limits.%s, which is %v; got %v" $component $resource $resource $limit $request) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* A quantity as a plain number (`k8s.io/apimachinery/pkg/api/resource`). Argument: the quantity, of the form that the schema allows. */ -}}
{{- define "stridegate.quantity" -}}
{{- $factors := dict "" 1 "m" 0.001 "k" 1e3 "K" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 -}}
{{- $factors = merge $factors (dict "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976) -}}
{{- if kindIs "string" . -}}
{{- mulf (regexFind "^[0-9.]+" . | float64) (index $factors (regexReplaceAll "^[0-9.]+" . "")) -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end }}
