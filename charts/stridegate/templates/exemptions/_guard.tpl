{{- /* The guard: who may grant an exemption. Every field that the API server would default is written out, so that what
is wanted equals what is live. The operator compares the two, and says so on every policy while they differ.

A check of the authorizer costs 350,000 of the 1,000,000 that an expression and of the 10,000,000 that a policy may cost
(`k8s.io/apiserver/pkg/cel/library/cost.go`, `pkg/apis/cel/config.go`): one expression for each of the 20 rules that an
exemption may name, 7,000,000 in all, and each says by itself which rule it is about. */ -}}
{{- define "stridegate.guard.policy" -}}
failurePolicy: Fail
matchConstraints:
  matchPolicy: Equivalent
  namespaceSelector: {}
  objectSelector: {}
  resourceRules:
    # Not hardeningexemptions/status, which is the operator's.
    - apiGroups: [stridegate.dev]
      apiVersions: [v1alpha1]
      resources: [hardeningexemptions]
      operations: [CREATE, UPDATE]
      scope: Namespaced
validations:
  - expression: >-
      request.operation != 'CREATE' || object.spec.grantedBy == request.userInfo.username
    message: spec.grantedBy must be the user who creates the exemption
    messageExpression: >-
      'spec.grantedBy must be ' + request.userInfo.username + ', who creates the exemption; got ' + object.spec.grantedBy
    reason: Forbidden
  - expression: >-
      request.operation != 'CREATE' || timestamp(object.spec.expires) > timestamp(object.metadata.creationTimestamp)
    message: spec.expires must be in the future
    messageExpression: "'spec.expires must be in the future; got ' + object.spec.expires"
    reason: Invalid
  - expression: >-
      request.operation != 'CREATE' ||
      timestamp(object.spec.expires) - timestamp(object.metadata.creationTimestamp) <= duration('2160h')
    message: spec.expires must be at most 90 days after the exemption is created
    messageExpression: "'spec.expires must be at most 90 days ahead; got ' + object.spec.expires"
    reason: Invalid
  - expression: >-
      request.operation != 'CREATE' || !has(object.spec.nodeSelector) || request.namespace == '{{ .Release.Namespace }}'
    message: spec.nodeSelector exempts nodes, which is for the namespace {{ .Release.Namespace }} alone; name a workload
    reason: Invalid
  - expression: request.operation != 'CREATE' || size(object.spec.rules) <= 20
    message: spec.rules must name at most 20 rules, each of which is asked about below
    reason: Invalid
  # Whoever may update may revoke: to take an exemption back harms nobody's protection.
  - expression: >-
      request.operation != 'UPDATE' ||
      (object.spec.all(field, field == 'revoked' || (field in oldObject.spec && object.spec[field] == oldObject.spec[field])) &&
      oldObject.spec.all(field, field == 'revoked' || field in object.spec))
    message: the spec of an exemption stays as it was granted, but for revoked; to extend or widen one, grant another
    reason: Invalid
  - expression: >-
      request.operation != 'UPDATE' || !oldObject.spec.?revoked.orValue(false) || object.spec.?revoked.orValue(false)
    message: an exemption that was revoked stays revoked; grant another
    reason: Invalid
{{- range $index := until 20 }}
  - expression: >-
      request.operation != 'CREATE' || size(object.spec.rules) <= {{ $index }} ||
      authorizer.group('stridegate.dev').resource('hardeningrules').namespace(request.namespace)
      .name(object.spec.rules[{{ $index }}]).check('exempt').allowed()
    message: to exempt a rule takes the verb exempt on it, in hardeningrules.stridegate.dev
    messageExpression: >-
      request.userInfo.username + ' may not exempt ' + object.spec.rules[{{ $index }}] + ' in ' + request.namespace +
      '; ask an administrator for a Role there with apiGroups [stridegate.dev], resources [hardeningrules], resourceNames ['
      + object.spec.rules[{{ $index }}] + '], verbs [exempt]'
    reason: Forbidden
{{- end }}
{{- end }}

{{- define "stridegate.guard.binding" -}}
policyName: stridegate-exemptions
validationActions: [Deny]
{{- end }}
