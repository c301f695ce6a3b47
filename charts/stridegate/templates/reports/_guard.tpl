{{- /* The guard of reports: a node's report is written by the scanner on that node alone. RBAC cannot say so, since a role
names no node; the API server says in which node's pod a token is used (KEP-4193, by default since 1.30). Every field that
the API server would default is written out, so that what is wanted equals what is live: the operator compares the two. */ -}}
{{- define "stridegate.reports.guard.policy" -}}
failurePolicy: Fail
matchConstraints:
  matchPolicy: Equivalent
  namespaceSelector: {}
  objectSelector: {}
  resourceRules:
    - apiGroups: [stridegate.dev]
      apiVersions: [v1alpha1]
      resources: [hardeningreports, hardeningreports/status]
      operations: [CREATE, UPDATE, DELETE]
      scope: Cluster
variables:
  - name: scanner
    expression: >-
      request.userInfo.username == 'system:serviceaccount:stridegate-scanner:stridegate-scanner'
  - name: nodes
    expression: >-
      has(request.userInfo.extra) && 'authentication.kubernetes.io/node-name' in request.userInfo.extra ?
      request.userInfo.extra['authentication.kubernetes.io/node-name'] : []
validations:
  - expression: request.?subResource.orValue('') == 'status' || !variables.scanner
    message: the scanner writes the status of its node's report, and nothing else of any report
    reason: Forbidden
  - expression: >-
      request.?subResource.orValue('') != 'status' || !variables.scanner || variables.nodes == [request.name]
    message: the scanner writes the report of its own node alone
    messageExpression: >-
      'the scanner writes the report of its own node alone; got the report ' + request.name + ' and ' +
      (size(variables.nodes) == 0 ? 'a token that is bound to no node' : 'the token of a pod on node ' + variables.nodes[0])
    reason: Forbidden
  - expression: >-
      request.?subResource.orValue('') != 'status' || variables.scanner ||
      request.userInfo.username == 'system:serviceaccount:{{ .Release.Namespace }}:stridegate-operator'
    message: the status of a report is written by the scanner on its node and by the operator alone
    reason: Forbidden
{{- end }}

{{- define "stridegate.reports.guard.binding" -}}
policyName: stridegate-reports
validationActions: [Deny]
{{- end }}
