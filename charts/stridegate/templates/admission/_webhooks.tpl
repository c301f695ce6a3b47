{{- /* What all entries have in common. Every field that the API server would default is written out, so that the wanted
list equals the live one. Arguments: the root, the path. */ -}}
{{- define "stridegate.webhooks.common" -}}
{{- $root := index . 0 -}}
admissionReviewVersions: [v1]
sideEffects: None
matchPolicy: Equivalent
clientConfig:
  service: {name: stridegate-webhook, namespace: {{ $root.Release.Namespace }}, path: {{ index . 1 }}, port: 443}
namespaceSelector:
  matchExpressions:
    # The only label of a namespace that nobody can change (KEP-2161).
    - {key: kubernetes.io/metadata.name, operator: NotIn, values: {{ include "stridegate.excluded" $root }}}
objectSelector: {}
{{- end }}

{{- /* The wanted entries. The operator writes them to the two configurations, with the caBundle, once a replica serves
a certificate that verifies. */ -}}
{{- define "stridegate.webhooks" -}}
mutating:
  - name: pods.mutate.stridegate.dev
    # What is not patched is judged as it is, by the entry that fails closed.
    failurePolicy: Ignore
    timeoutSeconds: 2
    reinvocationPolicy: IfNeeded
    rules:
      - {apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE], scope: Namespaced}
    {{- include "stridegate.webhooks.common" (list . "/mutate") | nindent 4 }}
validating:
  - name: pods.validate.stridegate.dev
    failurePolicy: Fail
    timeoutSeconds: 3
    rules:
      - {apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE, UPDATE], scope: Namespaced}
      - apiGroups: [""]
        apiVersions: [v1]
        resources: [pods/ephemeralcontainers, pods/resize]
        operations: [UPDATE]
        scope: Namespaced
    {{- include "stridegate.webhooks.common" (list . "/validate") | nindent 4 }}
  - name: templates.stridegate.dev
    # Pods are judged again as they are created: this entry only tells their author earlier.
    failurePolicy: Ignore
    timeoutSeconds: 3
    rules:
      - apiGroups: [apps]
        apiVersions: [v1]
        resources: [deployments, statefulsets, daemonsets, replicasets]
        operations: [CREATE, UPDATE]
        scope: Namespaced
      - {apiGroups: [batch], apiVersions: [v1], resources: [jobs, cronjobs], operations: [CREATE, UPDATE], scope: Namespaced}
      - {apiGroups: [""], apiVersions: [v1], resources: [replicationcontrollers], operations: [CREATE, UPDATE], scope: Namespaced}
    {{- include "stridegate.webhooks.common" (list . "/validate") | nindent 4 }}
{{- end }}
