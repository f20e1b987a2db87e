#!/bin/sh
# hadron-reduce calls a file interesting when its test exits with 1.
if grep -q hadron.silu "$1"; then exit 1; fi
