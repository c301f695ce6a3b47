{{- /* One egress rule: the API server. Its Service's address is no pod's, so only ports and addresses can name it. */ -}}
{{- define "stridegate.egress.api-server" -}}
- ports:
  {{- range .Values.networkPolicy.apiServerPorts }}
    - {port: {{ . }}, protocol: TCP}
  {{- end }}
  {{- with .Values.networkPolicy.apiServerAddresses }}
  to:
  {{- range . }}
    - ipBlock: {cidr: {{ . | quote }}}
  {{- end }}
  {{- end }}
{{- end }}
