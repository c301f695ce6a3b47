# Two images: `slim` for the webhook, `full` with the kubernetes package for the operator and the command line.
# No stage downloads anything. Before building, .build/wheels has the locked wheels for the base's Python, and our own:
#   pip download --require-hashes --only-binary :all: --dest .build/wheels --requirement requirements/operator.txt
#   pip wheel --no-deps --wheel-dir .build/wheels .
#   docker build --target full --tag localhost/stridegate:0.1.0 .
#   docker build --target slim --tag localhost/stridegate:0.1.0-slim .
# Both bases have the same Python at the same path; the first has pip too. Nothing but that Python goes into an image.
ARG BUILD_BASE=python:3.13-slim
ARG BASE=python:3.13-slim

FROM ${BUILD_BASE} AS slim-environment
COPY .build/wheels /wheels
COPY requirements /requirements
RUN python3 -m venv --without-pip /opt/stridegate \
 && python3 -m pip --python /opt/stridegate/bin/python3 install --no-cache-dir --disable-pip-version-check --no-compile \
      --no-index --find-links /wheels --require-hashes --requirement /requirements/webhook.txt \
 && python3 -m pip --python /opt/stridegate/bin/python3 install --no-cache-dir --disable-pip-version-check --no-compile \
      --no-index --no-deps /wheels/stridegate-*.whl \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/stridegate/lib \
 && find /opt/stridegate/bin -type f -delete

FROM slim-environment AS full-environment
RUN python3 -m pip --python /opt/stridegate/bin/python3 install --no-cache-dir --disable-pip-version-check --no-compile \
      --no-index --find-links /wheels --require-hashes --requirement /requirements/operator.txt \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/stridegate/lib \
 && find /opt/stridegate/bin -type f -delete

FROM ${BASE} AS root
COPY --from=full-environment /opt/stridegate /opt/stridegate
COPY deploy/image/root_filesystem.py /root_filesystem.py
RUN ["python3", "-I", "/root_filesystem.py", "/opt/stridegate", "/root-filesystem"]

FROM scratch AS bare
COPY --from=root /root-filesystem /
ENV PATH=/opt/stridegate/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8
USER 65532:65532
# Isolated (-I): nothing in the environment or the working directory changes what is imported. No bytecode is written
# (-B): all of it is there.
ENTRYPOINT ["/opt/stridegate/bin/python3", "-I", "-B", "-m", "stridegate"]
CMD ["--help"]
LABEL org.opencontainers.image.title="Stridegate" \
      org.opencontainers.image.description="Kubernetes hardening that answers a STRIDE threat model" \
      org.opencontainers.image.licenses="Apache-2.0"

FROM bare AS slim
COPY --from=slim-environment /opt/stridegate /opt/stridegate

FROM bare AS full
COPY --from=full-environment /opt/stridegate /opt/stridegate
