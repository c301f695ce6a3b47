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
