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
    matchConditions:
      # What the webhook answers without looking: labels, finalizers and owners change as ever while no replica answers.
      - name: spec-or-annotations-change
        expression: >-
          request.operation != 'UPDATE'
          || object.spec != oldObject.spec
          || object.metadata.?annotations.orValue({}) != oldObject.metadata.?annotations.orValue({})
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
      {{- range .Values.podTemplates }}
      - apiGroups: [{{ .group }}]
        apiVersions: [{{ .version }}]
        resources: [{{ .resource }}]
        operations: [CREATE, UPDATE]
        scope: Namespaced
      {{- end }}
    {{- include "stridegate.webhooks.common" (list . "/validate") | nindent 4 }}
  - name: objects.stridegate.dev
    # Nothing else judges these. The conditions let pass whatever controllers change in them, so that nothing that is
    # there stops working while no replica answers.
    failurePolicy: Fail
    timeoutSeconds: 3
    rules:
      - {apiGroups: [""], apiVersions: [v1], resources: [services], operations: [CREATE, UPDATE], scope: Namespaced}
      # No selector of namespaces holds these back: only the condition does.
      - {apiGroups: [""], apiVersions: [v1], resources: [persistentvolumes], operations: [CREATE, UPDATE], scope: Cluster}
    matchConditions:
      - name: service-that-others-may-reach
        expression: >-
          request.resource.resource != 'services'
          || (size(object.spec.?externalIPs.orValue([])) > 0
          && (request.operation != 'UPDATE'
          || object.spec.?externalIPs.orValue([]) != oldObject.spec.?externalIPs.orValue([])))
          || (object.spec.?type.orValue('') == 'LoadBalancer'
          && (request.operation != 'UPDATE'
          || oldObject.spec.?type.orValue('') != 'LoadBalancer'
          || object.spec.?loadBalancerSourceRanges.orValue([]) != oldObject.spec.?loadBalancerSourceRanges.orValue([])))
      - name: volume-on-a-node
        expression: >-
          request.resource.resource != 'persistentvolumes'
          || ((has(object.spec.hostPath) || has(object.spec.local))
          && (request.operation != 'UPDATE'
          || object.spec.?hostPath.orValue({}) != oldObject.spec.?hostPath.orValue({})
          || object.spec.?local.orValue({}) != oldObject.spec.?local.orValue({})))
    {{- include "stridegate.webhooks.common" (list . "/validate") | nindent 4 }}
  {{- if .Values.exec.enabled }}
  - name: exec.stridegate.dev
    # A guard that whoever overloads it could pass would be none.
    failurePolicy: Fail
    timeoutSeconds: 3
    rules:
      - {apiGroups: [""], apiVersions: [v1], resources: [pods/exec, pods/attach], operations: [CONNECT], scope: Namespaced}
    {{- include "stridegate.webhooks.common" (list . "/validate") | nindent 4 }}
  {{- end }}
{{- end }}
