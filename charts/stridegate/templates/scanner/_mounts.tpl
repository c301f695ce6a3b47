{{- /* The name of the volume of a path of the host. */ -}}
{{- define "stridegate.scanner.volume" -}}
host{{ . | lower | replace "/" "-" | replace "." "-" | replace "_" "-" | trunc 50 | trimSuffix "-" }}-{{ . | sha256sum | trunc 6 }}
{{- end }}

{{- /* One path of the host, mounted where the processes look for the host. Where runtimes and the kubelet mount and unmount
all the time, their unmounts must reach us, or we would keep disks of pods that are gone busy; Kubernetes allows the
recursive form of read-only only elsewhere (v1 VolumeMount, recursiveReadOnly). */ -}}
{{- define "stridegate.scanner.mount" -}}
- name: {{ include "stridegate.scanner.volume" . }}
  mountPath: /host{{ . }}
  readOnly: true
  {{- if has . (list "/etc" "/lib" "/proc" "/root" "/sys" "/usr") }}
  recursiveReadOnly: IfPossible
  {{- else }}
  mountPropagation: HostToContainer
  {{- end }}
{{- end }}

{{- /* Directory: a path that is not there is never created on the node. */ -}}
{{- define "stridegate.scanner.hostpath" -}}
- name: {{ include "stridegate.scanner.volume" . }}
  hostPath: {path: {{ . | quote }}, type: Directory}
{{- end }}
