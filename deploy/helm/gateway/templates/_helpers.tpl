{{- define "gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "gateway.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "gateway.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "gateway.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gateway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* What a Service, a policy and a budget mean: the servers, and not the Job. */}}
{{- define "gateway.serverLabels" -}}
{{ include "gateway.selectorLabels" . }}
app.kubernetes.io/component: server
{{- end -}}

{{- define "gateway.labels" -}}
{{ include "gateway.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "gateway.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "gateway.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "gateway.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* A setting as the environment has it: whole numbers without an exponent, lists with commas. */}}
{{- define "gateway.setting" -}}
{{- if kindIs "float64" . -}}
{{ int64 . | toString | quote }}
{{- else if kindIs "slice" . -}}
{{ join "," . | quote }}
{{- else -}}
{{ toString . | quote }}
{{- end -}}
{{- end -}}

{{/* The settings of some sections (all of them if none is named), as variables. */}}
{{- define "gateway.settings" -}}
{{- $sections := .sections -}}
{{- range $section, $settings := .settings }}
{{- if or (not $sections) (has $section $sections) }}
{{- range $name, $value := $settings }}
- name: GATEWAY__{{ upper $section }}__{{ upper $name }}
  value: {{ include "gateway.setting" $value }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* How long an answer may take to end after SIGTERM: the drain, and 30 s for what runs. */}}
{{- define "gateway.gracePeriod" -}}
{{- $server := default dict .Values.settings.server -}}
{{- $drain := 5 -}}
{{- if hasKey $server "drain_seconds" -}}
{{- $drain = int $server.drain_seconds -}}
{{- end -}}
{{- add (int .Values.preStopSeconds) $drain 35 -}}
{{- end -}}
