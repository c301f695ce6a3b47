# Two images: `slim` for the webhook and the scanner, `full` with the kubernetes package for the operator and the command line.
#   docker build --target slim --tag localhost/stridegate:0.1.0-slim .
# No stage needs a network. Before building, .build/wheels has the locked wheels for the bases' Python, and setuptools;
# `make demo` sees to that, docs/guides/images.md says how it is done by hand.
# Both bases have the same Python at the same path; the first has pip and venv too. Of the second, nothing but that
# Python and the libraries it loads goes into an image.
ARG BUILD_BASE=python:3.13-slim
ARG BASE=python:3.13-slim

FROM ${BUILD_BASE} AS build
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
COPY .build/wheels /wheels
COPY requirements/webhook.txt requirements/operator.txt /requirements/
RUN python3 -m venv --without-pip /opt/stridegate

FROM build AS product
COPY pyproject.toml README.md LICENSE /source/
COPY controller /source/controller
RUN python3 -m pip wheel --no-deps --wheel-dir /product /source

FROM build AS slim-environment
RUN python3 -m pip --python /opt/stridegate/bin/python3 install --require-hashes --requirement /requirements/webhook.txt
COPY --from=product /product /product
RUN python3 -m pip --python /opt/stridegate/bin/python3 install --no-deps /product/*.whl \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/stridegate/lib \
 && find /opt/stridegate/bin -type f -delete

FROM build AS full-environment
RUN python3 -m pip --python /opt/stridegate/bin/python3 install --require-hashes --requirement /requirements/operator.txt
COPY --from=product /product /product
# The kubernetes package brings its client a second time, for asyncio: 68 MB that nothing imports.
RUN python3 -m pip --python /opt/stridegate/bin/python3 install --no-deps /product/*.whl \
 && rm -r /opt/stridegate/lib/python3*/site-packages/kubernetes/aio \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/stridegate/lib \
 && find /opt/stridegate/bin -type f -delete

FROM ${BASE} AS root
# What both images load is gathered from the larger one, so that they share this layer.
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
