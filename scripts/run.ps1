# scripts/run.ps1 CMD ...: any command of the program on Windows, setting up what it needs.
# Paths in the arguments are of where the caller is; without --root the project is this folder.
$ErrorActionPreference = "Stop"
$project = Split-Path -Parent $PSScriptRoot
$python = Join-Path $project ".venv/Scripts/python.exe"
$env:PYTHONUTF8 = "1"
$env:CHATBOT_CALLED_BY = "scripts/run.ps1"
function Setup($what) {
    Push-Location $project
    & $python -m pip install --quiet --constraint constraints.txt --editable $what
    $status = $LASTEXITCODE
    Pop-Location
    if ($status -ne 0) { exit $status }
}
if (-not (Test-Path (Join-Path $project ".venv/installed"))) {
    py -3 -m venv (Join-Path $project ".venv")
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
    Setup ".[train]"
    New-Item -ItemType File (Join-Path $project ".venv/installed") | Out-Null
}
$module = "chatbot"
$words = @($args)
if ($words.Count -gt 0 -and $words[0] -eq "test") {
    Setup ".[dev]"
    Set-Location $project
    & $python -m pytest -q
    exit $LASTEXITCODE
}
if ($words.Count -gt 0 -and $words[0] -eq "serve") {
    & $python -c "import starlette, uvicorn" 2>$null
    if ($LASTEXITCODE -ne 0) { Setup ".[serve]" }
}
if ($words.Count -gt 0 -and $words[0] -eq "sft") {
    & $python -c "import peft" 2>$null
    if ($LASTEXITCODE -ne 0) { Setup ".[lora]" }
    $module = "chatbot.sft_ops"
    $words = @($words | Select-Object -Skip 1)
}
if ($words.Count -eq 0) { $words = @("--help") }
if (-not $words[0].StartsWith("-")) {
    # A --root that follows counts.
    $words = @($words[0], "--root", $project) + @($words | Select-Object -Skip 1)
}
& $python -m $module @words
exit $LASTEXITCODE
