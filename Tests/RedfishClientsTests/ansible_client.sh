# Inserts with ansible's redfish_command, inserts what is there already, and ejects.
# Wants BIN, URL, CA, USER_NAME, PASSWORD and FOLDER.
set -e
export ANSIBLE_HOME=$FOLDER/ansible ANSIBLE_LOCALHOST_WARNING=False ANSIBLE_INVENTORY_UNPARSED_WARNING=False
export ANSIBLE_PYTHON_INTERPRETER=$BIN/python
common="\"baseuri\": \"${URL#https://}\", \"username\": \"$USER_NAME\", \"password\": \"$PASSWORD\",
    \"ca_path\": \"$CA\", \"resource_id\": \"system\", \"category\": \"Systems\""
call() {
    $BIN/ansible localhost -c local -m community.general.redfish_command \
        -a "{$common, \"command\": \"$1\", \"virtual_media\": $2}"
}
image='"image_url": "https://images.example/os.iso"'
call VirtualMediaInsert "{$image, \"media_types\": [\"CD\", \"DVD\"]}"
call VirtualMediaInsert "{$image, \"media_types\": [\"CD\", \"DVD\"]}"
call VirtualMediaEject "{$image}"
