# scripts/run.ps1 CMD ...: any command of the program on Windows, setting up what it needs.
$ErrorActionPreference = "Stop"
Set-Location (Join-Path $PSScriptRoot "..")
$env:PYTHONUTF8 = "1"
if (-not (Test-Path ".venv/installed")) {
    py -3 -m venv .venv
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
    & .venv/Scripts/python.exe -m pip install --quiet --constraint constraints.txt --editable ".[train]"
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
    New-Item -ItemType File ".venv/installed" | Out-Null
}
if ($args.Count -gt 0 -and $args[0] -eq "test") {
    & .venv/Scripts/python.exe -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
    & .venv/Scripts/python.exe -m pytest -q
    exit $LASTEXITCODE
}
if ($args.Count -gt 0 -and $args[0] -eq "sft") {
    & .venv/Scripts/python.exe -c "import peft" 2>$null
    if ($LASTEXITCODE -ne 0) {
        & .venv/Scripts/python.exe -m pip install --quiet --constraint constraints.txt --editable ".[lora]"
        if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
    }
    & .venv/Scripts/python.exe -m chatbot.sft_ops @($args | Select-Object -Skip 1)
    exit $LASTEXITCODE
}
if ($args.Count -eq 0) { $args = @("--help") }
& .venv/Scripts/chatbot.exe @args
exit $LASTEXITCODE
